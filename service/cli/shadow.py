"""`kernelsight models shadow` and `promote`: ask the running service about a model's second version."""

import sys
from typing import Annotated, Any

import httpx2
import typer
from rich.console import Console
from rich.table import Table

from models.errors import KernelSightError
from service.settings import load_settings

SECONDS = 120.0  # a promotion loads a model

Url = Annotated[str | None, typer.Option(help="Of the service; KERNELSIGHT_HOST and KERNELSIGHT_PORT say where.")]
Key = Annotated[str | None, typer.Option(help="Its API key; KERNELSIGHT_API_KEY.")]


out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)


class ServiceUnreachable(KernelSightError):
    code = "service-unreachable"


class ServiceRefused(KernelSightError):
    code = "service-refused"


def shadow(url: Url = None, key: Key = None) -> None:
    """The second version of a model that the service compares with the first, and how far they agree."""
    models = _ask("GET", "/v1/models", url, key)["models"]
    table = Table("model", "answers", "second", "compared", "same", "score delta", "time / of what answers", "skipped")
    for model in models:
        if other := model.get("shadow"):
            table.add_row(
                model["id"], str(model["version"]), str(other["version"]), str(other["compared"]),
                _share(other["agreement"]), _number(other["score_delta"]),
                f"{_milliseconds(other['seconds'])} / {_milliseconds(other['live_seconds'])}",
                ", ".join(f"{reason} {count}" for reason, count in other["skipped"].items()),
            )  # fmt: skip
    out.print(table)


def promote(
    model: Annotated[str, typer.Argument(help="Model id.")],
    version: Annotated[int | None, typer.Option(help="Do nothing where this version answers already.")] = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Let the second version of a model answer; the one that did is then the second, so again is back."""
    asked = "" if version is None else f"?version={version}"
    now = _ask("POST", f"/v1/models/{model}/promote{asked}", url, key)
    print(f"{now['id']}: version {now['version']} answers ({now['sha256']})")


def _ask(method: str, path: str, url: str | None, key: str | None) -> Any:
    """Raises ServiceUnreachable, or ServiceRefused with the service's own words."""
    settings = load_settings()
    base = url or f"http://{settings.server.host}:{settings.server.port}"
    key = key or (settings.server.api_key.get_secret_value() if settings.server.api_key else None)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        reply = httpx2.request(method, base.rstrip("/") + path, headers=headers, timeout=SECONDS)
        body = reply.json()
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as cause:
        raise ServiceUnreachable(f"no KernelSight answers at {base}: {cause}") from cause
    if reply.status_code != 200:
        raise ServiceRefused(str(body.get("detail", body)))
    return body


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _milliseconds(value: float | None) -> str:
    return "?" if value is None else f"{value * 1e3:.1f} ms"
