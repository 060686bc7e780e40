"""Keeps model files: where they come from, their hashes, and which version was promoted."""
