"""Quality and drift: the distributions of scores and of picture properties, and how far they drift."""
