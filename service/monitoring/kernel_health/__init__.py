"""Kernel health in a running service: the models' kernels are inspected in idle time and exported as metrics."""
