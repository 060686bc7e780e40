"""What the accelerator runs: manifests, the store, export, sessions, batching. Knows nothing of users or HTTP."""
