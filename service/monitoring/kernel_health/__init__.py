"""Kernel health in a running service: looks at the models' kernels beside the work, and what metrics show of them."""
