"""Authentication: checks the bearer key, and refuses to listen on the network without one."""

import hmac
import ipaddress
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from models.errors import KernelSightError
from service.errors import Unauthorised
from service.settings import Settings

_bearer = HTTPBearer(auto_error=False, description="The value of KERNELSIGHT_API_KEY, where one is set")


class BindRefused(KernelSightError):
    code = "bind-refused"


async def require_key(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> None:
    """Raises Unauthorised unless the request carries the key, or none is set."""
    key = request.app.state.settings.server.api_key
    if key is None:
        return
    if credentials is None:
        raise Unauthorised("send the API key as: Authorization: Bearer KEY")
    if not hmac.compare_digest(credentials.credentials.encode(), key.get_secret_value().encode()):
        raise Unauthorised("the API key is wrong")


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
