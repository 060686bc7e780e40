"""The four dashboards: service, models, quality, queue."""

from deploy.grafana.panels import Dashboard, Panel, PanelRow, StatPanel
from deploy.grafana.queries import V1, increase, max_by, mean, min_by, percentiles, quantile, rate, raw_query, sum_by

SERVICE = Dashboard("service", [
    PanelRow("Now", [
        StatPanel("Requests", [rate("kernelsight_requests_total", where=V1)], "reqps", width=4),
        StatPanel("Failed (5xx)", [raw_query("kernelsight:errors:ratio_rate5m or vector(0)")], "percentunit", width=4,
               description="Share of the requests of the last five minutes; the objective allows 0.5 %."),
        StatPanel("p95", [quantile(0.95, "kernelsight_request_seconds", where=V1)], "s", width=4),
        StatPanel("In flight", [sum_by("kernelsight_requests_in_flight")], width=4),
        StatPanel("Processes", [raw_query('count(up{job=~"kernelsight-.*"} == 1)')], width=4),
        StatPanel("Version", [raw_query("count by (version) (kernelsight_build_info)", "version")], width=4),
    ]),
    PanelRow("Requests", [
        Panel("By route", [rate("kernelsight_requests_total", "route", where=V1)], "reqps", is_stacked=True),
        Panel("By status", [rate("kernelsight_requests_total", "status", where=V1)], "reqps", is_stacked=True),
        Panel("Rejected and failed, by type of problem", [rate("kernelsight_rejects_total", "problem")], "reqps"),
        Panel("Duration", percentiles("kernelsight_request_seconds", V1), "s"),
        Panel("p95 by route", [quantile(0.95, "kernelsight_request_seconds", "route", where=V1)], "s"),
        Panel("Slower than a second", [
            raw_query("kernelsight:slow:ratio_rate5m", name="5 min"),
            raw_query("kernelsight:slow:ratio_rate1h", name="1 h"),
        ], "percentunit", description="Share of the responses about one image; the objective allows 1 %."),
    ]),
    PanelRow("Where the time goes", [
        Panel("Mean by stage", [mean("kernelsight_stage_seconds", "pipeline", "stage")], "s", width=12),
        Panel("p95 by stage", [quantile(0.95, "kernelsight_stage_seconds", "pipeline", "stage")], "s", width=12),
    ]),
    PanelRow("Capacity", [
        Panel("Event loop lag", percentiles("kernelsight_event_loop_lag_seconds"), "s",
              description="How late callbacks run: above 0.1 s it slows down every request."),
        Panel("CPU threads", [
            sum_by("kernelsight_pool_threads", "state"), sum_by("kernelsight_pool_waiting", name="waiting calls"),
        ]),
        Panel("Processor time, in cores", [rate("process_cpu_seconds_total", "job", where='job=~"kernelsight-.*"')]),
        Panel("Memory", [sum_by('process_resident_memory_bytes{job=~"kernelsight-.*"}', "job", "instance")], "bytes"),
        Panel("Encoder cache", [rate("kernelsight_cache_requests_total", "outcome")], "reqps"),
        Panel("Audit log", [rate("kernelsight_audit_records_total", "outcome")], "ops"),
    ]),
])  # fmt: skip

MODELS = Dashboard("models", [
    PanelRow("Loaded", [
        Panel("Models", [max_by("kernelsight_model_info", "id", "version", "provider", "precision")], width=12),
        Panel("Load time", [max_by("kernelsight_model_load_seconds", "model")], "s", width=6),
        Panel("Size of the graph", [max_by("kernelsight_model_bytes", "model")], "bytes", width=6),
    ]),
    PanelRow("Sessions", [
        Panel("Share of time that sessions are busy", [
            raw_query("avg by (model) (kernelsight:lanes:busy_ratio5m)", "model"),
        ], "percentunit"),
        Panel("Time of a batch, p95", [
            quantile(0.95, "kernelsight_session_seconds", "model", "version", "provider"),
        ], "s"),
        Panel("Batches", [rate("kernelsight_session_seconds_count", "model")], "ops"),
        Panel("Items in a batch, mean", [mean("kernelsight_batch_size", "model")]),
        Panel("Batches by release reason", [rate("kernelsight_batch_releases_total", "reason")], "ops",
              description="full: the batch had its maximum size; free: a session was free and took what waited."),
        Panel("Failures and replaced sessions", [
            increase("kernelsight_session_failures_total", "model", name="failed"),
            increase("kernelsight_lane_respawns_total", "model", name="replaced"),
        ]),
    ]),
    PanelRow("Waiting", [
        Panel("Waiting requests", [sum_by("kernelsight_queue_depth", "model", "priority")]),
        Panel("Waiting time, p95", [quantile(0.95, "kernelsight_queue_wait_seconds", "model", "priority")], "s"),
        Panel("Oldest waiting request", [max_by("kernelsight_queue_oldest_seconds", "model")], "s"),
    ]),
    PanelRow("Kernels", [
        Panel("Dead kernels, worst layer", [max_by("kernelsight_kernel_dead_share", "model")], "percentunit",
              description="Kernels that no probe image activated."),
        Panel("Saturated, worst layer", [max_by("kernelsight_kernel_saturated_share", "model")], "percentunit"),
        Panel("Drift from the baseline, worst layers", [
            raw_query("topk(5, max by (model, layer) (kernelsight_kernel_drift))", "model", "layer"),
        ]),
    ]),
    PanelRow("Shadow versions", [
        Panel("Compared", [rate("kernelsight_shadow_compared_total", "model", "version", "outcome")], "ops"),
        Panel("Different results", [raw_query("kernelsight:shadow_different:ratio_rate15m", "model", "version")],
              "percentunit"),
        Panel("Time of a batch, p95", [quantile(0.95, "kernelsight_shadow_session_seconds", "model", "version")], "s"),
    ], requires="KERNELSIGHT_SHADOW"),
    PanelRow("GPU", [
        Panel("Utilisation", [max_by("kernelsight_gpu_utilization_ratio", "gpu")], "percentunit", width=12),
        Panel("Memory", [
            max_by("kernelsight_gpu_memory_used_bytes", "gpu", name="used"),
            max_by("kernelsight_gpu_memory_total_bytes", "gpu", name="total"),
        ], "bytes", width=12),
    ], requires="a GPU"),
])  # fmt: skip

QUALITY = Dashboard("quality", [
    PanelRow("Is something wrong?", [
        StatPanel("Flipped results", [max_by("kernelsight_canary_flips", "set")]),
        StatPanel("Golden-set accuracy", [min_by("kernelsight_canary_accuracy", "set")], "percentunit"),
        StatPanel("Worst PSI", [max_by("kernelsight_drift_psi")],
                  description="Below 0.1 is normal; above 0.25 see the runbook."),
        StatPanel("Low-confidence results", [max_by("kernelsight:low_confidence:ratio_rate15m", "model")],
                  "percentunit"),
    ]),
    PanelRow("Drift from the reference", [
        Panel("Scores (PSI)", [max_by("kernelsight_drift_psi", "subject", "signal")]),
        Panel("Embeddings", [max_by("kernelsight_drift_embedding_distance", "model")]),
        Panel("Observations in the window", [max_by("kernelsight_drift_window", "subject")]),
    ]),
    PanelRow("Confidence", [
        Panel("Confidence", [
            quantile(0.5, "kernelsight_confidence", "model", name="median"),
            quantile(0.1, "kernelsight_confidence", "model", name="tenth"),
        ]),
        Panel("Entropy, median", [quantile(0.5, "kernelsight_entropy", "model")]),
        Panel("Margin, median", [quantile(0.5, "kernelsight_margin", "model")]),
        Panel("Scores, median", [quantile(0.5, "kernelsight_score", "pipeline", "signal")]),
        Panel("Findings per image, mean", [mean("kernelsight_found", "pipeline", "kind")]),
        Panel("Kinds of content", [rate("kernelsight_tag_groups_total", "group")], "ops", is_stacked=True),
    ]),
    PanelRow("Moderation", [
        Panel("Verdicts", [raw_query("kernelsight:verdicts:ratio_rate15m", "verdict")], "percentunit", is_stacked=True),
        Panel("Rules that fire", [rate("kernelsight_moderation_rule_hits_total", "rule", "verdict")], "ops"),
        Panel("Feedback", [rate("kernelsight_feedback_total", "pipeline", "verdict")], "ops"),
        Panel("Precision, from feedback", [min_by("kernelsight_feedback_precision", "pipeline", "category")],
              "percentunit", width=12),
        Panel("Recall, from feedback", [min_by("kernelsight_feedback_recall", "pipeline", "category")],
              "percentunit", width=12),
    ]),
    PanelRow("Incoming images", [
        Panel("Brightness", [
            quantile(0.1, "kernelsight_image_brightness", name="tenth"),
            quantile(0.5, "kernelsight_image_brightness", name="median"),
            quantile(0.9, "kernelsight_image_brightness", name="ninth tenth"),
        ], width=6),
        Panel("Sharpness, median", [quantile(0.5, "kernelsight_image_sharpness")], width=6),
        Panel("Pixels, median", [quantile(0.5, "kernelsight_image_pixels")], width=6),
        Panel("Bytes, median", [quantile(0.5, "kernelsight_image_bytes")], "bytes", width=6),
    ]),
    PanelRow("Golden sets", [
        Panel("Accuracy", [min_by("kernelsight_canary_accuracy", "set", "pipeline")], "percentunit", width=12),
        Panel("Time of a run", [max_by("kernelsight_canary_run_seconds", "set")], "s", width=12),
    ]),
])  # fmt: skip

# All processes report the same queue: its gauges must not be summed.
QUEUE = Dashboard("queue", [
    PanelRow("Now", [
        StatPanel("Reachable", [min_by("kernelsight_queue_up")]),
        StatPanel("Waiting jobs", [raw_query('sum(max by (priority) (kernelsight_jobs{state="queued"}))')]),
        StatPanel("Oldest waiting job", [max_by("kernelsight_jobs_oldest_seconds")], "s"),
        StatPanel("Dead letters", [max_by("kernelsight_dead_letters")]),
    ]),
    PanelRow("Jobs", [
        Panel("By state", [max_by("kernelsight_jobs", "priority", "state")]),
        Panel("Oldest waiting job", [max_by("kernelsight_jobs_oldest_seconds", "priority")], "s"),
        Panel("Dead letters", [max_by("kernelsight_dead_letters")]),
    ]),
    PanelRow("Runs", [
        Panel("By outcome", [rate("kernelsight_job_runs_total", "priority", "state")], "ops"),
        Panel("Time of a run, p95", [quantile(0.95, "kernelsight_job_run_seconds", "priority")], "s"),
        Panel("Taken over from silent workers", [increase("kernelsight_leases_reclaimed_total")]),
    ]),
])  # fmt: skip

DASHBOARDS = (SERVICE, MODELS, QUALITY, QUEUE)
