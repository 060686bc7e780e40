"""Canaries: pictures whose right answers are known, sent through the live engine again and again."""
