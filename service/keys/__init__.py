"""API keys: who may use which routes, whose data a caller sees, and how much a minute."""
