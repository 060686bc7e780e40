"""Kernel health: which kernels of a net are dead, which are saturated, and which have changed.

onnx_graph.py ─► layers.py ────► activation_probe.py ─► health.py ◄─ baseline.py
the file         convolutions    activations on some    layer by     the activations when
                                 pictures, by kernel    layer        the graph was new
"""
