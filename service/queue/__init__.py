"""The job queue on Redis or Valkey: at least once, two priorities, leases, dead letters."""
