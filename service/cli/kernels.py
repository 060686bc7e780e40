"""`kernelsight models kernels`: what a model's kernels do, as a table, as JSON, and as pictures."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from PIL import Image
from rich.console import Console
from rich.table import Table

from models.kernels.activation_probe import ActivationProbe
from models.kernels.health import KernelHealth
from models.kernels.inspection import inspect_kernels, measure_pictures
from models.kernels.layers import find_layer
from models.kernels.probe_images import draw_probe_images
from models.kernels.rendering import activations_png, kernels_png
from pipelines.image.decode import decode
from service.cli.files import write_file
from service.cli.progress import show_activity
from service.components import image_limits, open_catalog, open_store
from service.settings import Settings, load_settings


def kernels(
    name: Annotated[str, typer.Argument(help="Model id.")],
    image: Annotated[Path | None, typer.Option(help="Look at this image as well.", exists=True)] = None,
    png: Annotated[Path | None, typer.Option(help="Write a picture of the layer's kernels to this file.")] = None,
    show: Annotated[
        Literal["kernels", "activations"], typer.Option(help="What the picture shows: activations are to the image.")
    ] = "kernels",
    layer: Annotated[str | None, typer.Option(help="Layer of the picture; the first without it.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Look at a model's kernels: which are dead or at their limit, and how far they are from their baseline."""
    settings = load_settings()
    manifest, store = open_catalog(settings).get(name), open_store(settings)
    pictures = [_read(image, settings)] if image else []
    with show_activity(f"looking at {name}"):
        probe = ActivationProbe.open(manifest, store.graph(manifest))
        health = inspect_kernels(store, manifest, measure_pictures(probe, pictures) if pictures else None)
    if png:
        drawing = find_layer(name, probe.layers, layer)
        dead = next((one.dead for one in health.layers if one.name == drawing.name), [])
        write_file(
            png,
            kernels_png(manifest, drawing, dead)
            if show == "kernels"
            else activations_png(probe, drawing, pictures or draw_probe_images()),
        )
    print(health.model_dump_json()) if json else _print(health)


def _read(path: Path, settings: Settings) -> Image.Image:
    """Raises a kind of ImageRejected."""
    return decode(path.read_bytes(), limits=image_limits(settings), shorter_side=None).pixels


def _print(health: KernelHealth) -> None:
    table = Table("layer", "activation", "kernels", "size", "dead", "saturated", "from", "to", "drift", "on image")
    for one in health.layers:
        table.add_row(
            one.name, one.activation, str(one.kernels), "x".join(map(str, one.size)), f"{one.dead_share:.1%}",
            "" if one.saturated_share is None else f"{one.saturated_share:.1%}", f"{one.low:.3g}", f"{one.high:.3g}",
            _number(one.drift), _number(one.traffic_drift),
        )  # fmt: skip
    Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160).print(table)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
