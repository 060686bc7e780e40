"""Monitors of the answers: audit log, canaries, feedback, kernel health, quality and drift, shadow versions."""
