"""Analyses images: decoding, preprocessing, pipelines, the engine and their results. Knows nothing of HTTP."""
