"""`kernelsight models`: fetch, export, check, show and measure models."""

import importlib.util
import subprocess
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from models.errors import ExportFailed, SourceFailed
from service.cli.errors import ModelsNotPulled, OutputNotWritable, StoreDamaged
from service.cli.kernels import kernels
from service.cli.shadow import promote, shadow

if TYPE_CHECKING:
    from models.manifest import Manifest
    from models.registry import Catalog
    from models.store.store import Store

app = typer.Typer(help="Fetch, export, check, show and measure models.", no_args_is_help=True)

ModelIds = Annotated[list[str] | None, typer.Argument(help="Model ids; the default models when none is given.")]
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)


@app.command("list")
def list_models(
    to_export: Annotated[
        bool, typer.Option("--to-export", help="Only ids of default models whose ONNX graph is not exported yet.")
    ] = False,
) -> None:
    """All models of the catalog, and the state of their files."""
    catalog, store = _open()
    if to_export:
        for manifest in _find_unexported(catalog, store):
            print(manifest.id)
        return
    table = Table("model", "version", "task", "default", "state", "size", "licence")
    for manifest in catalog:
        record = store.record(manifest)
        size = sum(file.bytes for file in record.files.values()) if record else 0
        table.add_row(
            manifest.id, str(manifest.version), manifest.task, "yes" if manifest in catalog.defaults else "",
            store.state(manifest), f"{size / 1e6:.1f} MB" if size else "", manifest.license,
        )  # fmt: skip
    out.print(table)


@app.command()
def pull(
    names: ModelIds = None,
    force: Annotated[bool, typer.Option("--force", help="Fetch files again that are in the store already.")] = False,
) -> None:
    """Fetch model files, hash-checked; goes on where an interrupted pull stopped."""
    from service.cli.progress import show_transfers

    catalog, store = _open()
    chosen = _choose_models(catalog, names)
    failures: dict[str, SourceFailed] = {}
    with show_transfers() as progress:
        for manifest in chosen:
            try:
                record = store.pull(manifest, force=force, progress=progress)
            except SourceFailed as failure:
                failures[manifest.id] = failure
                out.print(f"[red]✗[/] {manifest.id}: {failure}")
            else:
                source = record.files[manifest.file.name].source
                out.print(f"[green]✓[/] {manifest.id} {manifest.version}: {source} ({store.state(manifest)})")
    store.drop_downloads()
    if not names:
        _print_fallbacks(catalog, store, failures)
    elif failures:
        raise ModelsNotPulled(f"not fetched: {', '.join(failures)}")


def _print_fallbacks(catalog: "Catalog", store: "Store", failures: dict[str, SourceFailed]) -> None:
    """Each task's choice where it is not the first; raises ModelsNotPulled when a task that must be done has none."""
    from models.store.store import PULLED_STATES
    from pipelines.registry import OPTIONAL_TASKS

    available = {manifest.id for manifest in catalog if store.state(manifest) in PULLED_STATES}
    for task, preferences in catalog.tasks.items():
        choice = catalog.choose(task, available)
        if choice is None and task in OPTIONAL_TASKS:
            out.print(f"{task}: the service will start without, see above")
            continue
        if choice is None:
            raise ModelsNotPulled(f"no model for {task}: {', '.join(failures)} could not be fetched")
        if choice != preferences[0] and failures.keys() & set(preferences[0].models):
            out.print(f"{task}: {', '.join(choice.models)} instead of {', '.join(preferences[0].models)}, see above")


@app.command()
def export(
    names: ModelIds = None,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where PyTorch runs for the export.")] = "auto",
) -> None:
    """Make ONNX graphs from PyTorch weights, and prove that both answer the same."""
    catalog, store = _open()
    chosen = _choose_models(catalog, names) if names else _find_unexported(catalog, store)
    if chosen and importlib.util.find_spec("torch") is None:
        _export_in_other_environment([manifest.id for manifest in chosen], device)
        return
    for manifest in chosen:
        if not manifest.needs_export:
            out.print(f"{manifest.id} comes as ONNX: nothing to export")
            continue
        from models.export import export_model  # imports torch: seconds, and only the export extra has it
        from service.cli.progress import show_activity

        with show_activity(f"exporting {manifest.id}"):
            parity = export_model(store, manifest, device=device)
        inputs = "texts" if manifest.task == "clip-text" else "photographs"
        agreement = f"within {parity.largest_difference:.1e} of PyTorch on {parity.images} {inputs}"
        out.print(f"[green]✓[/] {manifest.id}: exported on {parity.device}, {agreement}")


def _export_in_other_environment(names: list[str], device: str) -> None:
    """Serving has no torch; the interpreter that `make setup` installs for exports has it."""
    from service.settings import load_settings

    python = load_settings().models.export_python
    if not python.exists():
        raise ExportFailed(
            f"exporting {', '.join(names)} needs PyTorch, which is not in this environment, and {str(python)!r} "
            "does not exist; run 'make setup', or: pip install 'kernelsight[cpu,export]'"
        )
    done = subprocess.run([python, "-m", "service", "models", "export", "--device", device, *names], check=False)
    if done.returncode:
        raise typer.Exit(done.returncode)


@app.command()
def verify(names: ModelIds = None) -> None:
    """Hash every file in the store again; exit code 1 when any differs from what was recorded."""
    catalog, store = _open()
    chosen = [catalog.get(name) for name in names] if names else list(catalog)
    problems: list[str] = []
    for manifest in chosen:
        if not names and store.state(manifest) == "missing":
            continue
        found = store.verify(manifest)
        problems += found
        out.print(f"[green]✓[/] {manifest.id}" if not found else f"[red]✗[/] {manifest.id}")
    if problems:
        raise StoreDamaged("; ".join(problems))


@app.command()
def gate(
    names: ModelIds = None,
    force: Annotated[bool, typer.Option("--force", help="Measure again what is measured already.")] = False,
) -> None:
    """Measure the variants of models on this machine, whose figures decide which one serves; takes minutes."""
    from models.store.store import VARIANTS_FILE
    from models.variants.choice import pays
    from models.variants.gate import check_variants
    from models.variants.sessions import find_variants
    from service.cli.progress import show_activity

    catalog, store = _open()
    chosen = [catalog.get(name) for name in names] if names else [
        one for one in catalog.defaults if store.state(one) == "ready"
    ]  # fmt: skip
    table = Table("model", "variant", "passed", "faster", "ms", "MB a session", "misses")
    for manifest in chosen:
        with show_activity(f"measuring {manifest.id}"):
            try:
                checks = check_variants(store, manifest, find_variants("cpu")[1:], force=force)
            except OSError as cause:
                raise OutputNotWritable(store.folder(manifest) / VARIANTS_FILE, cause) from cause
        for variant, check in checks.items():
            passed = "yes" if check.passed and pays(check) else "not worth it" if check.passed else "no"
            table.add_row(
                manifest.id, str(variant), passed, f"{check.speedup:.2f} x",
                f"{check.reference_milliseconds:.1f} → {check.milliseconds:.1f}",
                f"{check.reference_megabytes:.0f} → {check.megabytes:.0f}", "; ".join(check.misses),
            )  # fmt: skip
    out.print(table)


@app.command()
def show(name: Annotated[str, typer.Argument(help="Model id.")]) -> None:
    """A model's manifest, the record of its files, its parity with PyTorch, and its variants here, as JSON."""
    from models.variants.record import read_checks

    catalog, store = _open()
    manifest = catalog.get(name)
    record = store.record(manifest)
    checks = read_checks(store, manifest) if store.state(manifest) == "ready" else {}
    out.print_json(
        data={
            "manifest": manifest.model_dump(mode="json"),
            "state": store.state(manifest),
            "stored": record.model_dump(mode="json", exclude={"manifest"}) if record else None,
            "parity": store.parity(manifest),
            "variants": [check.model_dump(mode="json") for check in checks.values()],
        }
    )


app.command("kernels")(kernels)


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="Model id.")],
    seconds: Annotated[float, typer.Option(help="Length of each measurement.", min=0.1)] = 1.0,
    rounds: Annotated[int, typer.Option(help="How often to repeat all of them.", min=1)] = 5,
) -> None:
    """Images per second of the bare sessions, and through the runtime at several concurrencies."""
    from models.runtime.benchmark import run_benchmark
    from service.cli.progress import show_activity
    from service.settings import load_settings

    catalog, store = _open()
    settings = load_settings()
    with show_activity(f"measuring {name}: about {rounds * seconds * 8:.0f} s"):
        result = run_benchmark(catalog.get(name), store, device=settings.runtime.device, seconds=seconds, rounds=rounds)
    plan = result.plan
    out.print(
        f"{name} on {result.device}: {plan.workers} sessions of {plan.threads} thread, batches of {plan.max_batch}"
    )
    table = Table("", "images/s", "of raw", "p50 ms", "p95 ms")
    table.add_row("raw sessions", f"{result.raw_rate:.1f}", "100 %", "", "")
    for row in result.rows:
        table.add_row(
            f"runtime, {row.concurrency} at once", f"{row.rate:.1f}", f"{row.share:.0%}",
            f"{row.p50_seconds * 1e3:.1f}", f"{row.p95_seconds * 1e3:.1f}",
        )  # fmt: skip
    out.print(table)
    out.print("medians over the rounds; each share is taken within its own round")


app.command("shadow")(shadow)
app.command("promote")(promote)


def _open() -> tuple["Catalog", "Store"]:
    from service.components import open_catalog, open_store
    from service.settings import load_settings

    settings = load_settings()
    return open_catalog(settings), open_store(settings)


def _choose_models(catalog: "Catalog", names: list[str] | None) -> list["Manifest"]:
    return [catalog.get(name) for name in names] if names else list(catalog.defaults)


def _find_unexported(catalog: "Catalog", store: "Store") -> list["Manifest"]:
    return [one for one in catalog.defaults if store.state(one) == "to export"]
