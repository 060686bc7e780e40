"""Watches the answers: audit log, golden sets, feedback, kernel health, drift, second versions."""
