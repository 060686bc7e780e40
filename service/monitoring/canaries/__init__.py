"""Canaries: golden sets, images with known answers, are run through the live engine again and again."""
