"""The audit log: one record per result of what was decided and why, without pixels or text, kept for a limited time."""
