"""The commands by name, each loaded from its module when it is run: help and typing mistakes need none of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """`attribute` of `module` is a command's function or a group's Typer app; `help` is the first line of its help."""

    module: str
    attribute: str
    help: str


COMMANDS = {
    "serve": CommandEntry("service.cli.serve", "serve", "Serve the REST API."),
    "worker": CommandEntry(
        "service.cli.worker",
        "worker",
        "Take jobs from the queue until SIGTERM or Ctrl-C; then finish what is in flight.",
    ),
    "trace": CommandEntry(
        "service.cli.trace",
        "trace",
        "Show the whole way of one result: who asked, stage by stage, models, policy, scores, feedback.",
    ),
    "moderate": CommandEntry(
        "service.cli.moderate",
        "moderate",
        "Allow, review or block: a table on a terminal, else one JSON object a line; with --output a row each.",
    ),
    "features": CommandEntry(
        "service.cli.images",
        "features",
        "Captioning features of images: a table on a terminal, else one JSON object a line.",
    ),
    "explain": CommandEntry(
        "service.cli.images",
        "explain",
        "Draw which places of an image speak for its best tag, or for a class: warm for it, cold against it.",
    ),
    "objects": CommandEntry(
        "service.cli.images",
        "objects",
        "Objects in images, and how many of each are certain: a table on a terminal, else JSON lines.",
    ),
    "faces": CommandEntry(
        "service.cli.images",
        "faces",
        "Faces of images with landmarks, pose and avatar suitability: a table on a terminal, else JSON lines.",
    ),
    "avatar": CommandEntry("service.cli.images", "avatar", "Cut one face out as an avatar, aligned by its eyes."),
    "documents": CommandEntry(
        "service.cli.documents", "documents", "Text, layout, tables and reading order of documents."
    ),
    "sanitize": CommandEntry(
        "service.cli.images", "sanitize", "Make an image anew from its pixels: upright, in sRGB, without metadata."
    ),
    "models": CommandEntry("service.cli.models", "app", "Fetch, export, check, show and measure models."),
    "categories": CommandEntry("service.cli.categories", "app", "Train, show, try and remove custom categories."),
    "canary": CommandEntry("service.cli.canary", "app", "Run golden sets: images with known answers."),
    "jobs": CommandEntry("service.cli.jobs", "app", "Show and cancel jobs in the queue; handle dead letters."),
    "keys": CommandEntry("service.cli.keys", "app", "Make, list and revoke API keys."),
    "policy": CommandEntry("service.cli.policy", "app", "Show, check and replay moderation policies."),
    "hashes": CommandEntry("service.cli.hashes", "app", "Hash images, and keep and search lists of known images."),
    "reference": CommandEntry(
        "service.cli.reference", "app", "Capture, show and reset the references that drift is measured against."
    ),
}


class LazyGroup(TyperGroup):
    """A group of `COMMANDS`. Listings know a command's name and help only; `commands` loads what is looked up."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = LoadedCommands()  # type: ignore[assignment]  # read only: nothing is added to it

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
        entry = COMMANDS.get(cmd_name)
        return None if entry is None else TyperCommand(cmd_name, help=entry.help)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, _, rest = super().resolve_command(ctx, args)
        return name, None if name is None else self.commands[name], rest


class LoadedCommands(Mapping[str, TyperCommand | TyperGroup]):
    """Imports a command's module whenever the command is looked up."""

    def __getitem__(self, name: str) -> TyperCommand | TyperGroup:
        entry = COMMANDS[name]
        target = getattr(import_module(entry.module), entry.attribute)
        app = typer.Typer(add_completion=False)
        if isinstance(target, typer.Typer):
            app.add_typer(target, name=name)
        else:
            app.command(name)(target)
        return typer.main.get_group(app).commands[name]  # type: ignore[return-value]  # Typer makes no others

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)
