"""Custom categories: calibrated linear heads that users train on their own images."""
