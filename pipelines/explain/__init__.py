"""Explanations: which places of a picture support a result."""
