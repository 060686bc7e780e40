"""Faces: detected from coarse to fine, verified by a second net, measured, and framed as avatars.

    picture ─► mips ─► detector (YuNet or MTCNN) ─► candidates ─► O-Net on upright crops ─► faces
                           ▲        nothing found?                                     │
                           └── the picture in four quarter turns, small, on one canvas ┘

This package says where faces are, never whose: there is no recognition, and no guess at age, gender or emotion.
"""
