"""Works off jobs: operations, steps of a batch, callbacks."""
