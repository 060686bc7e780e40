"""Refuses to listen on the network without an API key."""

import ipaddress

from models.errors import KernelSightError
from service.keys.key_file import KeyFile
from service.settings import Settings


class BindRefused(KernelSightError):
    code = "bind-refused"


def check_bind(settings: Settings, *, insecure: bool) -> None:
    """Raises BindRefused for an address that other machines can reach if no key protects it; KeysInvalid."""
    has_keys = settings.server.api_key is not None or KeyFile(settings.server.keys.expanduser()).read() is not None
    hosts = [settings.server.host, *([] if settings.server.operate_port is None else [settings.server.operate_host])]
    exposed = [host for host in hosts if not is_loopback(host)]
    if insecure or has_keys or not exposed:
        return
    raise BindRefused(
        f"refusing to listen on {exposed[0]!r} without an API key: make one with `kernelsight keys create` "
        "or set KERNELSIGHT_API_KEY, "
        "or say --insecure if something in front of the service checks who asks"
    )


def is_loopback(host: str) -> bool:
    """Of a name or an address, one of IPv6 with or without brackets."""
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return host == "localhost"
