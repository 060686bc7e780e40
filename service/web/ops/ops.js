// Scrapes /metrics every few seconds and shows recent figures: no build step, and nothing from other hosts.

import { all, increase, parse, quantile, rate, sum, values } from "./metrics.js";

const EVERY_SECONDS = 2;
const MINUTES = 5; // period of the figures, and of the lines
const FEW_SECONDS = 60; // until the page has been open for so long, figures cover the whole life of the process
const PSI_WATCH = 0.1;
const PSI_ACT = 0.25; // docs/quality.md
const DISTANCE_WATCH = 2;
const DISTANCE_ACT = 3;
const KERNELS_ACT = 0.1; // docs/kernels.md

const scrapes = [];
const lines = { rate: [], p95: [], failed: [], refused: [], flight: [], memory: [] };
const at = (id) => document.getElementById(id);
const isApi = (labels) => labels.route.startsWith("/v1/");

const number = (value, digits = 1) => (Number.isFinite(value) ? value.toFixed(digits) : "–");
const percent = (value) => (Number.isFinite(value) ? `${(100 * value).toFixed(1)} %` : "–");
const bytes = (value) => (value >= 1e9 ? `${number(value / 1e9, 2)} GB` : `${number(value / 1e6, 0)} MB`);
function seconds(value) {
  if (!Number.isFinite(value)) return "–";
  if (value < 1) return `${number(value * 1000, value < 0.01 ? 1 : 0)} ms`;
  return value < 120 ? `${number(value)} s` : `${number(value / 60, 0)} min`;
}

/** Rows of cells; a cell is text, or {text, mood}. Cells are set as text: labels may contain HTML. */
function fill(id, head, rows, none) {
  const table = at(id);
  const row = (cells, kind) => {
    const line = document.createElement("tr");
    for (const cell of cells) {
      const box = document.createElement(kind);
      box.textContent = cell.text ?? cell;
      if (cell.mood) box.className = cell.mood;
      line.append(box);
    }
    return line;
  };
  if (rows.length) table.replaceChildren(row(head, "th"), ...rows.map((cells) => row(cells, "td")));
  else table.replaceChildren(row([{ text: none, mood: "none" }], "td"));
}

function line(id, value) {
  const points = lines[id];
  points.push(Number.isFinite(value) ? value : 0);
  if (points.length > (MINUTES * 60) / EVERY_SECONDS) points.shift();
  const top = Math.max(...points, 1e-9);
  const coordinates = points.map((one, index) => `${index},${(30 - (28 * one) / top).toFixed(2)}`).join(" ");
  const svg = at(`${id}-line`);
  svg.setAttribute("viewBox", `0 0 ${Math.max(points.length - 1, 1)} 31`);
  svg.setAttribute("preserveAspectRatio", "none");
  const polyline = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  polyline.setAttribute("points", coordinates);
  svg.replaceChildren(polyline);
}

function show(old, now, last) {
  const share = (statuses) => {
    const every = increase(old, now, "kernelsight_requests_total", isApi);
    return every ? increase(old, now, "kernelsight_requests_total", (one) => isApi(one) && statuses.test(one.status)) / every : NaN;
  };
  const figures = {
    rate: [rate(last, now, "kernelsight_requests_total", isApi), number],
    p95: [quantile(0.95, old, now, "kernelsight_request_seconds", isApi), seconds],
    failed: [share(/^5/), percent],
    refused: [share(/^429$/), percent],
    flight: [sum(now, "kernelsight_requests_in_flight"), (value) => number(value, 0)],
    memory: [sum(now, "process_resident_memory_bytes"), bytes],
  };
  for (const [id, [value, format]] of Object.entries(figures)) {
    at(id).textContent = format(value);
    line(id, value);
  }
  at("failed").className = figures.failed[0] > 0.005 ? "bad" : "";
  at("refused").className = figures.refused[0] > 0.05 ? "bad" : "";
  at("version").textContent = values(now, "kernelsight_build_info", "version").join(", ");
  at("span").textContent = old ? `over the last ${seconds(now.time - old.time)}` : "since it started";
  for (const showTable of [stages, routes, models, queue, drift, canaries, verdicts, kernels]) showTable(old, now, last);
}

function percentiles(old, now, name, where) {
  const count = increase(old, now, `${name}_count`, where);
  return [number(count, 0), ...[0.5, 0.95, 0.99].map((q) => seconds(quantile(q, old, now, name, where)))];
}

function stages(old, now) {
  const name = "kernelsight_stage_seconds";
  const every = all(now, `${name}_count`).map((one) => one.labels);
  const rows = every
    .filter((labels) => increase(old, now, `${name}_count`, same(labels)) > 0)
    .map((labels) => [`${labels.pipeline} · ${labels.stage}`, ...percentiles(old, now, name, same(labels))]);
  fill("stages", ["stage", "count", "p50", "p95", "p99"], rows.sort(), "No image yet.");
}

function routes(old, now) {
  const name = "kernelsight_request_seconds";
  const rows = values(now, `${name}_count`, "route")
    .filter((route) => increase(old, now, `${name}_count`, (one) => one.route === route) > 0)
    .map((route) => [route, ...percentiles(old, now, name, (one) => one.route === route)]);
  fill("routes", ["route", "count", "p50", "p95", "p99"], rows, "No request yet.");
}

function models(old, now, last) {
  const rows = all(now, "kernelsight_model_info").map(({ labels }) => {
    const own = (one) => one.model === labels.id;
    const lanes = sum(now, "kernelsight_lanes", own);
    const busy = rate(old ?? last, now, "kernelsight_session_seconds_sum", own) / lanes;
    const failures = increase(old, now, "kernelsight_session_failures_total", own);
    return [
      `${labels.id} ${labels.version}`, `${(labels.provider ?? "").replace("ExecutionProvider", "")} ${labels.precision ?? ""}`, labels.sha256.slice(0, 8),
      { text: percent(busy), mood: busy > 0.9 ? "warn" : "" },
      seconds(quantile(0.95, old, now, "kernelsight_session_seconds", own)),
      number(sum(now, "kernelsight_queue_depth", own), 0),
      { text: number(failures, 0), mood: failures ? "bad" : "" },
    ];
  });
  fill("models", ["model", "on", "file", "busy", "batch, p95", "waiting", "failures"], rows, "No model is loaded.");
}

function queue(old, now) {
  if (!sum(now, "kernelsight_queue_up")) {
    fill("queue", [], [], "The queue does not answer.");
    return;
  }
  const rows = values(now, "kernelsight_jobs", "priority").map((priority) => {
    const state = (name) => number(sum(now, "kernelsight_jobs", (one) => one.priority === priority && one.state === name), 0);
    const own = (one) => one.priority === priority;
    return [
      priority, state("queued"), state("running"), state("retrying"),
      seconds(sum(now, "kernelsight_jobs_oldest_seconds", own)),
      number(increase(old, now, "kernelsight_job_runs_total", own), 0),
    ];
  });
  const dead = sum(now, "kernelsight_dead_letters");
  rows.push(["dead letters", { text: number(dead, 0), mood: dead ? "bad" : "good" }, "", "", "", ""]);
  fill("queue", ["priority", "queued", "running", "retrying", "oldest", "done here"], rows, "");
}

function drift(old, now) {
  const rows = all(now, "kernelsight_drift_psi").map(({ labels, value }) => [
    `${labels.subject} · ${labels.signal}`, "PSI",
    { text: number(value, 2), mood: value > PSI_ACT ? "bad" : value > PSI_WATCH ? "warn" : "good" },
  ]);
  for (const { labels, value } of all(now, "kernelsight_drift_embedding_distance")) {
    const mood = value > DISTANCE_ACT ? "bad" : value > DISTANCE_WATCH ? "warn" : "good";
    rows.push([labels.model, "embeddings", { text: number(value, 2), mood }]);
  }
  const window = Math.max(0, ...all(now, "kernelsight_drift_window").map((one) => one.value));
  const none = `Nothing to compare yet: ${number(window, 0)} observations in the window.`;
  fill("drift", ["signal", "measure", "now"], rows.filter((row) => row[2].text !== "–").sort(), none);
}

function canaries(old, now) {
  const rows = all(now, "kernelsight_canary_accuracy").map(({ labels, value }) => {
    const flips = sum(now, "kernelsight_canary_flips", (one) => one.set === labels.set);
    const last = sum(now, "kernelsight_canary_last_run_seconds", (one) => one.set === labels.set);
    return [
      `${labels.set} · ${labels.pipeline}`, { text: percent(value), mood: value < 1 ? "warn" : "good" },
      { text: number(flips, 0), mood: flips ? "bad" : "good" }, `${seconds(Math.max(0, now.time - last))} ago`,
    ];
  });
  fill("canaries", ["set", "right", "flipped", "run"], rows, "Not run yet.");
}

function verdicts(old, now) {
  const every = increase(old, now, "kernelsight_moderation_verdicts_total");
  const rows = values(now, "kernelsight_moderation_verdicts_total", "verdict").map((verdict) => {
    const count = increase(old, now, "kernelsight_moderation_verdicts_total", (one) => one.verdict === verdict);
    return [verdict, number(count, 0), percent(count / every)];
  });
  fill("verdicts", ["verdict", "count", "share"], every ? rows : [], "No image moderated yet.");
}

function kernels(old, now) {
  const name = "kernelsight_kernel_dead_share";
  const rows = values(now, name, "model").map((model) => {
    const worst = (metric) => all(now, metric).filter((one) => one.labels.model === model).sort((a, b) => b.value - a.value)[0];
    const [dead, drifted] = [worst(name), worst("kernelsight_kernel_drift")];
    return [
      model, dead.labels.layer, percent(dead.value), drifted?.labels.layer ?? "",
      { text: number(drifted?.value, 2), mood: drifted?.value > KERNELS_ACT ? "bad" : "good" },
    ];
  });
  fill("kernels", ["model", "most dead kernels in", "dead", "most drift in", "drift"], rows, "Not inspected yet.");
}

const same = (labels) => (one) => one.pipeline === labels.pipeline && one.stage === labels.stage;

function showState(text, mood) {
  at("state").textContent = text;
  at("state").className = mood;
}

async function refresh() {
  const key = sessionStorage.getItem("key");
  const answer = await fetch("../metrics", { headers: key ? { Authorization: `Bearer ${key}` } : {}, cache: "no-store" });
  at("ask").hidden = answer.status !== 401;
  if (answer.status === 401) {
    at("figures").hidden = true;
    showState(key ? "This key is wrong." : "The figures need the API key.", "warn");
    return;
  }
  const now = parse(await answer.text(), Date.now() / 1000);
  const last = scrapes.at(-1);
  scrapes.push(now);
  while (now.time - scrapes[0].time > MINUTES * 60) scrapes.shift();
  show(now.time - scrapes[0].time > FEW_SECONDS ? scrapes[0] : undefined, now, last);
  at("figures").hidden = false;
  const ready = all(now, "kernelsight_model_info").length > 0;
  showState(ready ? "Ready" : "Loading models", ready ? "good" : "warn");
}

async function refreshForever() {
  try {
    await refresh();
  } catch {
    showState("The service does not answer", "bad");
  }
  setTimeout(refreshForever, EVERY_SECONDS * 1000);
}

at("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("key", at("key").value);
  refresh().catch(() => showState("The service does not answer", "bad"));
});
refreshForever();
