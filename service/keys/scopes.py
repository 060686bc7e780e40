"""The scopes of API keys. Each route needs one, and the operation that a job or batch runs needs its own as well."""

from typing import Literal, get_args

Scope = Literal["analyze", "documents", "jobs", "batches", "feedback", "read-metrics", "operate"]

# Of those who run the service: their routes can have a port of their own.
OPERATOR_SCOPES: frozenset[Scope] = frozenset({"operate", "read-metrics"})

SCOPES: tuple[Scope, ...] = get_args(Scope)
