"""Perceptual hashes of known images: PDQ, lists of them, and an exact search."""
