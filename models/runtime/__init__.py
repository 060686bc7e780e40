"""Runs models: sessions, their workers, dynamic batching, and the runtime that every caller shares."""
