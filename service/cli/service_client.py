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
    """By default the service on this machine, with the key from the settings."""
    server = load_settings().server
    default_key = server.api_key.get_secret_value() if server.api_key else None
    return ServiceClient((url or f"http://{server.host}:{server.port}").rstrip("/"), key or default_key)
