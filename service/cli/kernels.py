"""`kernelsight models kernels`: shows what a model's kernels do, as a table, as JSON, and as pictures."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from PIL import Image

    from models.kernels.activation_probe import ActivationProbe
    from models.kernels.health import KernelHealth


def kernels(
    name: Annotated[str, typer.Argument(help="Model id.")],
    image: Annotated[Path | None, typer.Option(help="Also measure the activations on this image.", exists=True)] = None,
    png: Annotated[Path | None, typer.Option(help="Draw a layer into this file.")] = None,
    show: Annotated[
        Literal["kernels", "activations"],
        typer.Option(help="What to draw: the kernels, or their activations on the image."),
    ] = "kernels",
    layer: Annotated[str | None, typer.Option(help="The layer to draw; by default the first.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Look at a model's kernels: which are dead or at their limit, and how far they are from their baseline."""
    from models.kernels.activation_probe import ActivationProbe
    from models.kernels.inspection import inspect_kernels, measure_pictures
    from service.cli.progress import show_activity
    from service.components import open_catalog, open_store
    from service.settings import load_settings

    settings = load_settings()
    manifest, store = open_catalog(settings).get(name), open_store(settings)
    pictures = [_read_picture(image)] if image else []
    with show_activity(f"looking at {name}"):
        probe = ActivationProbe.open(manifest, store.graph(manifest))
        health = inspect_kernels(store, manifest, measure_pictures(probe, pictures) if pictures else None)
    if png:
        _draw_layer(png, show, probe, health, layer, pictures)
    print(health.model_dump_json()) if json else _print_table(health)


def _draw_layer(
    path: Path,
    show: Literal["kernels", "activations"],
    probe: "ActivationProbe",
    health: "KernelHealth",
    layer_name: str | None,
    pictures: list["Image.Image"],
) -> None:
    """Raises LayerUnknown or OutputNotWritable."""
    from models.kernels.layers import find_layer
    from models.kernels.probe_images import draw_probe_images
    from models.kernels.rendering import activations_png, kernels_png
    from service.cli.files import write_file

    layer = find_layer(probe.manifest.id, probe.layers, layer_name)
    if show == "kernels":
        dead = next((one.dead for one in health.layers if one.name == layer.name), [])
        write_file(path, kernels_png(probe.manifest, layer, dead))
    else:
        write_file(path, activations_png(probe, layer, pictures or draw_probe_images()))


def _read_picture(path: Path) -> "Image.Image":
    """Raises OSError, FileUnreadable or a kind of ImageRejected."""
    from pipelines.image.decode import decode
    from service.cli.input_files import read_file
    from service.components import image_limits
    from service.settings import load_settings

    return decode(read_file(path), limits=image_limits(load_settings()), shorter_side=None).pixels


def _print_table(health: "KernelHealth") -> None:
    table = Table("layer", "activation", "kernels", "size", "dead", "saturated", "from", "to", "drift", "on image")
    for one in health.layers:
        table.add_row(
            one.name, one.activation, str(one.kernels), "x".join(map(str, one.size)), f"{one.dead_share:.1%}",
            "" if one.saturated_share is None else f"{one.saturated_share:.1%}", f"{one.low:.3g}", f"{one.high:.3g}",
            _format_number(one.drift), _format_number(one.traffic_drift),
        )  # fmt: skip
    Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160).print(table)


def _format_number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
