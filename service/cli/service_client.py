"""Asks a running service over HTTP."""

from dataclasses import dataclass
from typing import Any

import httpx2

from service.cli.errors import ServiceRefused, ServiceUnreachable
from service.settings import load_settings

SECONDS = 120.0  # a promotion loads a model


@dataclass(frozen=True, slots=True)
class ServiceClient:
    url: str
    key: str | None

    def request(self, method: str, path: str, **query: Any) -> Any:
        """The JSON of a successful response. Raises ServiceUnreachable or ServiceRefused."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        try:
            response = httpx2.request(method, f"{self.url}{path}", params=query, headers=headers, timeout=SECONDS)
            body = response.json()
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as cause:
            raise ServiceUnreachable(f"no service answers at {self.url}: {cause}; name it with --url") from cause
        if not response.is_success:
            detail = body.get("detail", body) if isinstance(body, dict) else body
            raise ServiceRefused(f"{self.url} answers {response.status_code}: {detail}")
        return body


def open_service_client(url: str | None = None, key: str | None = None) -> ServiceClient:
    """By default the service on this machine, at its operators' port if it has one, with the key from the settings."""
    server = load_settings().server
    has_own_port = server.operate_port is not None
    host, port = (server.operate_host, server.operate_port) if has_own_port else (server.host, server.port)
    default_key = server.api_key.get_secret_value() if server.api_key else None
    return ServiceClient((url or f"http://{host}:{port}").rstrip("/"), key or default_key)
