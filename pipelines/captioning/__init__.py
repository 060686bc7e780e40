"""Captioning features: embedding, grid, tags and appearance of a picture."""
