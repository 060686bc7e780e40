"""The gate: measures variants of a model against the reference on this machine, before any of them may serve."""

from collections.abc import Callable, Mapping, Sequence
from statistics import geometric_mean, median
from time import process_time

from models.arrays import Array
from models.errors import KernelSightError
from models.manifest import Manifest
from models.runtime.session import Session
from models.store.store import Store
from models.variants.agreement import find_misses, measure_agreement
from models.variants.footprint import measure_megabytes
from models.variants.pictures import make_items, make_timing_items
from models.variants.record import VariantCheck, read_checks, write_checks
from models.variants.sessions import open_session
from models.variants.variant import REFERENCE, Variant

_ROUNDS = 9
_CPU_SECONDS = 2.0  # for one size; at least three rounds are made


def check_variants(
    store: Store, manifest: Manifest, variants: Sequence[Variant], *, force: bool = False
) -> dict[Variant, VariantCheck]:
    """Check those that have no valid figures, or all, and store them; returns all that the model has.

    It takes seconds and a core: run it in a process of its own, as times are those of the whole process. A variant
    that does not run misses. Raises ModelMissing, ModelCorrupt, and OSError where the figures cannot be stored.
    """
    checks = {} if force else read_checks(store, manifest)
    missing = [one for one in variants if one not in checks]
    if missing:
        items = make_items(manifest)
        checks |= _compare(store, manifest, missing, items) if items else {one: _unknown(one) for one in missing}
        write_checks(store, manifest, checks)
    return checks


def _unknown(variant: Variant) -> VariantCheck:
    return VariantCheck.of_failure(variant, "there are no pictures that it could be compared on")


def _compare(
    store: Store, manifest: Manifest, variants: Sequence[Variant], items: Sequence[Array]
) -> dict[Variant, VariantCheck]:
    reference = _open(store, manifest, REFERENCE)
    outputs = [_run(reference, manifest, item) for item in items]
    megabytes = measure_megabytes(store, manifest, REFERENCE)
    checks: dict[Variant, VariantCheck] = {}
    for variant in variants:
        try:
            session = _open(store, manifest, variant)
            pairs = [(one, _run(session, manifest, item)) for one, item in zip(outputs, items, strict=True)]
            figures = measure_agreement(manifest, pairs)
            reference_milliseconds, milliseconds = _time_both(reference, session, manifest)
            checks[variant] = VariantCheck(
                backend=variant.backend,
                precision=variant.precision,
                misses=find_misses(figures),
                figures=figures,
                reference_milliseconds=reference_milliseconds,
                milliseconds=milliseconds,
                reference_megabytes=megabytes,
                megabytes=measure_megabytes(store, manifest, variant),
            )
        except KernelSightError as error:
            checks[variant] = VariantCheck.of_failure(variant, str(error))
        except KeyError as error:  # a manifest of one's own may have other outputs than its task's nets here
            checks[variant] = VariantCheck.of_failure(variant, f"there is no output {error} to be compared")
    return checks


def _open(store: Store, manifest: Manifest, variant: Variant) -> Session:
    """As the runtime opens it on a CPU."""
    return open_session(
        variant,
        store.graph(manifest),
        shapes_vary=len(manifest.input.item_shapes) > 1,
        extra_outputs=manifest.undeclared_outputs,
    )


def _run(session: Session, manifest: Manifest, item: Array) -> dict[str, Array]:
    return {name: rows[0] for name, rows in session.run({manifest.input.name: item[None]}).items()}


def _time_both(reference: Session, session: Session, manifest: Manifest) -> tuple[float, float]:
    """Milliseconds of CPU time of either for one item, by turns, as the geometric mean over the timing sizes."""
    by_size = [
        _time_size(*(_runner(one, manifest, item) for one in (reference, session)))
        for item in make_timing_items(manifest.input)
    ]
    first, second = zip(*by_size, strict=True)
    return geometric_mean(first), geometric_mean(second)


def _runner(session: Session, manifest: Manifest, item: Array) -> Callable[[], object]:
    feeds: Mapping[str, Array] = {manifest.input.name: item[None]}
    return lambda: session.run(feeds)


def _time_size(*runs: Callable[[], object]) -> tuple[float, ...]:
    times: list[list[float]] = [[] for _ in runs]
    end = process_time() + _CPU_SECONDS
    for run in runs:
        run()  # the first run of a size plans it
    while len(times[0]) < 3 or (len(times[0]) < _ROUNDS and process_time() < end):
        for run, own in zip(runs, times, strict=True):
            started = process_time()
            run()
            own.append((process_time() - started) * 1e3)
    return tuple(max(median(own), 1e-3) for own in times)
