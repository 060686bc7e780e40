// Parses Prometheus's text format, and computes rates and quantiles between two scrapes.

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** A scrape: {time, samples: Map of name to [{labels, value}]}. `time` is in seconds. */
export function parse(text, time) {
  const samples = new Map();
  for (const line of text.split("\n")) {
    const found = line.startsWith("#") ? null : LINE.exec(line);
    if (!found) continue;
    const labels = {};
    for (const [, name, value] of (found[2] ?? "").matchAll(LABEL)) {
      labels[name] = value.replace(/\\(.)/g, (_, one) => (one === "n" ? "\n" : one));
    }
    if (!samples.has(found[1])) samples.set(found[1], []);
    samples.get(found[1]).push({ labels, value: Number(found[3].replace("Inf", "Infinity")) });
  }
  return { time, samples };
}

export const all = (scrape, name) => scrape.samples.get(name) ?? [];

export const sum = (scrape, name, where = () => true) =>
  all(scrape, name).filter((one) => where(one.labels)).reduce((total, one) => total + one.value, 0);

/** The values of one label, sorted. */
export const values = (scrape, name, label) =>
  [...new Set(all(scrape, name).map((one) => one.labels[label]))].filter((one) => one !== undefined).sort();

/** The increase of a counter from `old` to `now`; after a restart in between it counts from zero. */
export function increase(old, now, name, where = () => true) {
  const after = sum(now, name, where);
  const before = old ? sum(old, name, where) : 0;
  return after < before ? after : after - before;
}

export const rate = (old, now, name, where) =>
  old && now.time > old.time ? increase(old, now, name, where) / (now.time - old.time) : NaN;

/** Like PromQL's histogram_quantile: linear within a bucket; the last bucket gives its lower edge. */
export function quantile(q, old, now, name, where = () => true) {
  const edges = new Map();
  for (const { labels, value } of all(now, `${name}_bucket`)) {
    if (where(labels)) edges.set(labels.le, (edges.get(labels.le) ?? 0) + value);
  }
  for (const { labels, value } of old ? all(old, `${name}_bucket`) : []) {
    if (where(labels) && edges.has(labels.le)) edges.set(labels.le, edges.get(labels.le) - value);
  }
  const buckets = [...edges].map(([le, count]) => [le === "+Inf" ? Infinity : Number(le), count]).sort((a, b) => a[0] - b[0]);
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total <= 0) return NaN;
  let [lower, before] = [0, 0];
  for (const [edge, count] of buckets) {
    if (count >= q * total) {
      return edge === Infinity ? lower : lower + ((edge - lower) * (q * total - before)) / Math.max(count - before, 1e-12);
    }
    [lower, before] = [edge, count];
  }
  return lower;
}
