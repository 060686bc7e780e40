"""Reads and checks the claims of a HEIF or AVIF file before a native decoder sees it."""
