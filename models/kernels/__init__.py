"""What the kernels of a net do on pictures: which never say anything, which are at their limit, which have changed.

graph.py ─► layers.py ─► microscope.py ─► statistics.py ─► health.py ◄─ profile.py
the file    its          activations      channel by       layer by     as they were when
            convolutions of some pictures channel          layer        the graph was new
"""
