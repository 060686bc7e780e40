"""Models on the accelerator: manifests, the store, export, sessions and batching; independent of pipelines and HTTP."""
