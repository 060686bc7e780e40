"""`kernelsight models shadow` and `promote`: ask the running service about shadow versions."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

ServiceUrl = Annotated[
    str | None, typer.Option(help="Of the service; KERNELSIGHT_HOST and KERNELSIGHT_PORT say where it is.")
]
ServiceKey = Annotated[str | None, typer.Option(help="The service's API key; KERNELSIGHT_API_KEY.")]

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)


def shadow(url: ServiceUrl = None, key: ServiceKey = None) -> None:
    """The shadow versions that the service compares with its models, and how far they agree."""
    from service.cli.service_client import open_service_client

    models = open_service_client(url, key).request("GET", "/v1/models")["models"]
    table = Table("model", "answers", "second", "compared", "same", "score delta", "time / of what answers", "skipped")
    for model in models:
        if candidate := model.get("shadow"):
            table.add_row(
                model["id"], str(model["version"]), str(candidate["version"]), str(candidate["compared"]),
                _format_share(candidate["agreement"]), _format_number(candidate["score_delta"]),
                f"{_format_milliseconds(candidate['seconds'])} / {_format_milliseconds(candidate['live_seconds'])}",
                ", ".join(f"{reason} {count}" for reason, count in candidate["skipped"].items()),
            )  # fmt: skip
    out.print(table)


def promote(
    model: Annotated[str, typer.Argument(help="Model id.")],
    version: Annotated[int | None, typer.Option(help="Do nothing where this version answers already.")] = None,
    url: ServiceUrl = None,
    key: ServiceKey = None,
) -> None:
    """Let a model's shadow version answer; the version that did becomes the shadow, so a second promotion goes back."""
    from service.cli.service_client import open_service_client

    query = {} if version is None else {"version": version}
    now = open_service_client(url, key).request("POST", f"/v1/models/{model}/promote", **query)
    print(f"{now['id']}: version {now['version']} answers ({now['sha256']})")


def _format_share(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"


def _format_number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _format_milliseconds(value: float | None) -> str:
    return "?" if value is None else f"{value * 1e3:.1f} ms"
