"""`kernelsight keys`: makes, lists and revokes API keys."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from service.keys.scopes import SCOPES

if TYPE_CHECKING:
    from service.keys.key_file import KeyFile

app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="The key's name: letters, digits, dots, dashes.", show_default=False)],
    scopes: Annotated[str, typer.Option(help=f"Comma-separated: {', '.join(SCOPES)}; or all.", show_default=False)],
    tenant: Annotated[str | None, typer.Option(help="Whose objects it makes and sees; its name by default.")] = None,
    rpm: Annotated[int | None, typer.Option(help="Requests a minute; none is no limit.", min=1)] = None,
    pixels_per_minute: Annotated[int | None, typer.Option(help="Pixels a minute; none is no limit.", min=1)] = None,
) -> None:
    """Make a key and print its token, which is shown this once; running services know it within two seconds."""
    wanted = SCOPES if scopes.strip() == "all" else [scope.strip() for scope in scopes.split(",")]
    file = _open_file()
    token = file.create(
        name, tenant=tenant, scopes=wanted, requests_per_minute=rpm, pixels_per_minute=pixels_per_minute
    )
    print(token)
    print(f"key {name!r} is in {file.path}; its token is stored nowhere: keep it", file=sys.stderr)


@app.command("list")
def list_keys(json: Annotated[bool, typer.Option("--json", help="JSON lines instead of a table.")] = False) -> None:
    """The keys with their tenants, scopes and limits; tokens cannot be shown again."""
    from datetime import UTC, datetime

    from rich.console import Console
    from rich.table import Table

    keys = _open_file().read() or ()
    if json:
        for key in keys:
            print(key.model_dump_json(exclude={"sha256"}, exclude_none=True))
        return
    table = Table("name", "tenant", "scopes", "requests/min", "pixels/min", "made")
    for key in keys:
        limits = ("" if one is None else f"{one:,}" for one in (key.requests_per_minute, key.pixels_per_minute))
        made = datetime.fromtimestamp(key.created_at, UTC).strftime("%Y-%m-%d")
        table.add_row(key.name, key.tenant, ", ".join(key.scopes), *limits, made)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


@app.command()
def revoke(names: Annotated[list[str], typer.Argument(help="Names of keys.", show_default=False)]) -> None:
    """Remove keys; running services refuse them within two seconds."""
    _open_file().revoke(names)
    for name in names:
        print(f"{name}: revoked")


def _open_file() -> "KeyFile":
    from service.keys.key_file import KeyFile
    from service.settings import load_settings

    return KeyFile(load_settings().server.keys.expanduser())
