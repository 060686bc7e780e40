"""Perceptual hashes of known images: the PDQ hash, lists of hashes, and an exact search."""
