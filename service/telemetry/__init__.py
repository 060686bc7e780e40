"""Logs, traces and metrics: the bottom of the service, used by everything else in it."""
