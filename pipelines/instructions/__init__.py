"""Finds phrases in text that address a language model or its tools, and the places where pages hide them."""
