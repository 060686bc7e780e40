"""Who sent a request, and what that caller may do and see."""

from dataclasses import dataclass

from service.keys.errors import Forbidden
from service.keys.scopes import SCOPES, Scope
from service.telemetry.request_context import Sender


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of a key; `key` is its name, None where it comes from the environment or no keys are in use.

    Objects that a caller without a tenant makes belong to nobody: only callers with the scope `operate` see them.
    """

    scopes: frozenset[Scope]
    key: str | None = None
    tenant: str | None = None
    requests_per_minute: int | None = None
    pixels_per_minute: int | None = None

    @property
    def is_operator(self) -> bool:
        return "operate" in self.scopes

    @property
    def sender(self) -> Sender:
        """The caller as the request's work knows it, also in a job."""
        return Sender(
            self.key,
            self.tenant,
            counts_pixels=self.pixels_per_minute is not None,
            reads_documents="documents" in self.scopes,
        )

    def may_see(self, tenant: str | None) -> bool:
        """Whether objects of that tenant exist for this caller."""
        return self.is_operator or (tenant is not None and tenant == self.tenant)

    def require(self, *scopes: Scope) -> None:
        """Raises Forbidden, which names the scopes that the key lacks."""
        if lacking := [scope for scope in scopes if scope not in self.scopes]:
            raise Forbidden(f"this key has no scope {' and no scope '.join(map(repr, lacking))}")


UNRESTRICTED = Caller(frozenset(SCOPES))  # the key from the environment, or anybody where no keys are in use
