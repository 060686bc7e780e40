"""The four dashboards: the service as its callers meet it, its models, their quality, and the queue."""

from deploy.grafana.parts import Board, Number, Panel, Row
from deploy.grafana.queries import V1, count, highest, lowest, mean, percentiles, plain, quantile, rate, total

SERVICE = Board("service", [
    Row("Now", [
        Number("Requests", [rate("kernelsight_requests_total", where=V1)], "reqps", width=4),
        Number("Failed (5xx)", [plain("kernelsight:errors:ratio_rate5m or vector(0)")], "percentunit", width=4,
               about="Of the requests of the last five minutes; 0.5 % is what the objective allows."),
        Number("p95", [quantile(0.95, "kernelsight_request_seconds", where=V1)], "s", width=4),
        Number("In flight", [total("kernelsight_requests_in_flight")], width=4),
        Number("Processes", [plain('count(up{job=~"kernelsight-.*"} == 1)')], width=4),
        Number("Version", [plain("count by (version) (kernelsight_build_info)", "version")], width=4),
    ]),
    Row("Requests", [
        Panel("By route", [rate("kernelsight_requests_total", "route", where=V1)], "reqps", stacks=True),
        Panel("By status", [rate("kernelsight_requests_total", "status", where=V1)], "reqps", stacks=True),
        Panel("Refused and failed, by type of problem", [rate("kernelsight_rejects_total", "problem")], "reqps"),
        Panel("Duration", percentiles("kernelsight_request_seconds", V1), "s"),
        Panel("p95 by route", [quantile(0.95, "kernelsight_request_seconds", "route", where=V1)], "s"),
        Panel("Slower than a second", [
            plain("kernelsight:slow:ratio_rate5m", name="5 min"), plain("kernelsight:slow:ratio_rate1h", name="1 h"),
        ], "percentunit", about="Of answers about one picture; the objective allows 1 %."),
    ]),
    Row("Where the time goes", [
        Panel("Mean by stage", [mean("kernelsight_stage_seconds", "pipeline", "stage")], "s", width=12),
        Panel("p95 by stage", [quantile(0.95, "kernelsight_stage_seconds", "pipeline", "stage")], "s", width=12),
    ]),
    Row("Capacity", [
        Panel("Event loop lag", percentiles("kernelsight_event_loop_lag_seconds"), "s",
              about="How late the loop gets to what is due: over .1 s every request feels it."),
        Panel("Computing threads", [
            total("kernelsight_pool_threads", "state"), total("kernelsight_pool_waiting", name="waiting calls"),
        ]),
        Panel("Processor time, in cores", [rate("process_cpu_seconds_total", "job", where='job=~"kernelsight-.*"')]),
        Panel("Memory", [total('process_resident_memory_bytes{job=~"kernelsight-.*"}', "job", "instance")], "bytes"),
        Panel("Encoder's cache", [rate("kernelsight_cache_requests_total", "outcome")], "reqps"),
        Panel("Audit log", [rate("kernelsight_audit_records_total", "outcome")], "ops"),
    ]),
])  # fmt: skip

MODELS = Board("models", [
    Row("Loaded", [
        Panel("Models", [highest("kernelsight_model_info", "id", "version", "provider", "precision")], width=12),
        Panel("Load time", [highest("kernelsight_model_load_seconds", "model")], "s", width=6),
        Panel("Size of the graph", [highest("kernelsight_model_bytes", "model")], "bytes", width=6),
    ]),
    Row("Sessions", [
        Panel("Share of the time that sessions run", [
            plain("avg by (model) (kernelsight:lanes:busy_ratio5m)", "model"),
        ], "percentunit"),
        Panel("Time of a batch, p95", [
            quantile(0.95, "kernelsight_session_seconds", "model", "version", "provider"),
        ], "s"),
        Panel("Batches", [rate("kernelsight_session_seconds_count", "model")], "ops"),
        Panel("Items in a batch, mean", [mean("kernelsight_batch_size", "model")]),
        Panel("Why batches go", [rate("kernelsight_batch_releases_total", "reason")], "ops",
              about="full: the batch has all that it may; free: a session was, and took what there was."),
        Panel("Failures, and replaced sessions", [
            count("kernelsight_session_failures_total", "model", name="failed"),
            count("kernelsight_lane_respawns_total", "model", name="replaced"),
        ]),
    ]),
    Row("Waiting", [
        Panel("In line", [total("kernelsight_queue_depth", "model", "priority")]),
        Panel("Time in line, p95", [quantile(0.95, "kernelsight_queue_wait_seconds", "model", "priority")], "s"),
        Panel("Oldest in line", [highest("kernelsight_queue_oldest_seconds", "model")], "s"),
    ]),
    Row("Kernels", [
        Panel("Dead kernels, worst layer", [highest("kernelsight_kernel_dead_share", "model")], "percentunit",
              about="Kernels that no picture of the sample made active."),
        Panel("Saturated, worst layer", [highest("kernelsight_kernel_saturated_share", "model")], "percentunit"),
        Panel("Drift from the profile, worst layers", [
            plain("topk(5, max by (model, layer) (kernelsight_kernel_drift))", "model", "layer"),
        ]),
    ]),
    Row("Second versions", [
        Panel("Compared", [rate("kernelsight_shadow_compared_total", "model", "version", "outcome")], "ops"),
        Panel("Answer otherwise", [plain("kernelsight:shadow_different:ratio_rate15m", "model", "version")],
              "percentunit"),
        Panel("Time of a batch, p95", [quantile(0.95, "kernelsight_shadow_session_seconds", "model", "version")], "s"),
    ], takes="KERNELSIGHT_SHADOW"),
    Row("GPU", [
        Panel("Utilisation", [highest("kernelsight_gpu_utilization_ratio", "gpu")], "percentunit", width=12),
        Panel("Memory", [
            highest("kernelsight_gpu_memory_used_bytes", "gpu", name="used"),
            highest("kernelsight_gpu_memory_total_bytes", "gpu", name="there"),
        ], "bytes", width=12),
    ], takes="a GPU"),
])  # fmt: skip

QUALITY = Board("quality", [
    Row("Is something wrong?", [
        Number("Answers that flipped", [highest("kernelsight_canary_flips", "set")]),
        Number("Golden sets right", [lowest("kernelsight_canary_accuracy", "set")], "percentunit"),
        Number("Worst PSI", [highest("kernelsight_drift_psi")], about="Under .1 nothing; over .25 see the runbook."),
        Number("Unsure answers", [highest("kernelsight:low_confidence:ratio_rate15m", "model")], "percentunit"),
    ]),
    Row("Drift from the reference", [
        Panel("Scores (PSI)", [highest("kernelsight_drift_psi", "subject", "signal")]),
        Panel("Embeddings", [highest("kernelsight_drift_embedding_distance", "model")]),
        Panel("Observations in the window", [highest("kernelsight_drift_window", "subject")]),
    ]),
    Row("How sure", [
        Panel("Confidence", [
            quantile(0.5, "kernelsight_confidence", "model", name="median"),
            quantile(0.1, "kernelsight_confidence", "model", name="tenth"),
        ]),
        Panel("Entropy, median", [quantile(0.5, "kernelsight_entropy", "model")]),
        Panel("Margin, median", [quantile(0.5, "kernelsight_margin", "model")]),
        Panel("Scores, median", [quantile(0.5, "kernelsight_score", "pipeline", "signal")]),
        Panel("Found in a picture, mean", [mean("kernelsight_found", "pipeline", "kind")]),
        Panel("Kinds of content", [rate("kernelsight_tag_groups_total", "group")], "ops", stacks=True),
    ]),
    Row("Moderation", [
        Panel("Verdicts", [plain("kernelsight:verdicts:ratio_rate15m", "verdict")], "percentunit", stacks=True),
        Panel("Rules that fire", [rate("kernelsight_moderation_rule_hits_total", "rule", "verdict")], "ops"),
        Panel("Said by callers", [rate("kernelsight_feedback_total", "pipeline", "verdict")], "ops"),
        Panel("Precision, from feedback", [lowest("kernelsight_feedback_precision", "pipeline", "category")],
              "percentunit", width=12),
        Panel("Recall, from feedback", [lowest("kernelsight_feedback_recall", "pipeline", "category")],
              "percentunit", width=12),
    ]),
    Row("Pictures that come in", [
        Panel("Brightness", [
            quantile(0.1, "kernelsight_image_brightness", name="tenth"),
            quantile(0.5, "kernelsight_image_brightness", name="median"),
            quantile(0.9, "kernelsight_image_brightness", name="ninth tenth"),
        ], width=6),
        Panel("Sharpness, median", [quantile(0.5, "kernelsight_image_sharpness")], width=6),
        Panel("Pixels, median", [quantile(0.5, "kernelsight_image_pixels")], width=6),
        Panel("Bytes, median", [quantile(0.5, "kernelsight_image_bytes")], "bytes", width=6),
    ]),
    Row("Golden sets", [
        Panel("Right", [lowest("kernelsight_canary_accuracy", "set", "pipeline")], "percentunit", width=12),
        Panel("Time of a run", [highest("kernelsight_canary_run_seconds", "set")], "s", width=12),
    ]),
])  # fmt: skip

# All processes see the one queue: its gauges are not to be added up.
QUEUE = Board("queue", [
    Row("Now", [
        Number("Answers", [lowest("kernelsight_queue_up")]),
        Number("Jobs that wait", [plain('sum(max by (priority) (kernelsight_jobs{state="queued"}))')]),
        Number("The first in line waits", [highest("kernelsight_jobs_oldest_seconds")], "s"),
        Number("Dead letters", [highest("kernelsight_dead_letters")]),
    ]),
    Row("Jobs", [
        Panel("By state", [highest("kernelsight_jobs", "priority", "state")]),
        Panel("The first in line waits", [highest("kernelsight_jobs_oldest_seconds", "priority")], "s"),
        Panel("Dead letters", [highest("kernelsight_dead_letters")]),
    ]),
    Row("Runs", [
        Panel("By what they led to", [rate("kernelsight_job_runs_total", "priority", "state")], "ops"),
        Panel("Time of a run, p95", [quantile(0.95, "kernelsight_job_run_seconds", "priority")], "s"),
        Panel("Taken from silent workers", [count("kernelsight_leases_reclaimed_total")]),
    ]),
])  # fmt: skip

BOARDS = (SERVICE, MODELS, QUALITY, QUEUE)
