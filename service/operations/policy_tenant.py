"""Decides whose changes to the moderation policy apply to a request."""

from pipelines.moderation.options import ModerationOptions
from service.components import Components
from service.keys.errors import Forbidden
from service.telemetry.request_context import current_sender


async def apply_key_tenant(components: Components, options: ModerationOptions) -> ModerationOptions:
    """The options with the tenant of the request's key, where the policy has changes for it.

    A key decides, and not the caller's word: a tenant with strict rules must not choose another's. Where no keys with
    tenants are in use, the options stay as they are. Raises Forbidden for another tenant than the key's.
    """
    tenant = current_sender().tenant
    if tenant is None:
        return options
    if options.tenant not in (None, tenant):
        raise Forbidden(f"this key belongs to the tenant {tenant!r} and cannot be moderated as another one")
    policy = await components.policy.current()
    return options.model_copy(update={"tenant": tenant}) if tenant in policy.tenants else options
