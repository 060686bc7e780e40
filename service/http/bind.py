"""Refuses to listen on the network without an API key."""

import ipaddress

from models.errors import KernelSightError
from service.settings import Settings


class BindRefused(KernelSightError):
    code = "bind-refused"


def check_bind(settings: Settings, *, insecure: bool) -> None:
    """Raises BindRefused for an address that other machines can reach if no key protects it."""
    if insecure or settings.server.api_key is not None or _is_loopback(settings.server.host):
        return
    raise BindRefused(
        f"refusing to listen on {settings.server.host!r} without an API key: set KERNELSIGHT_API_KEY, "
        "or say --insecure if something in front of the service checks who asks"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
