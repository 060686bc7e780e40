"""Signals: each reads one image in its own way and gives scores with evidence."""
