"""Explanations: which places of a picture speak for an answer."""
