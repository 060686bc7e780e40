"""`kernelsight policy`: shows, checks and replays moderation policies."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from service.cli.errors import DecisionDiffers, StoredModerationInvalid

if TYPE_CHECKING:
    from pipelines.moderation.policy import Confirmation, Policy, Rule

app = typer.Typer(help="Show, check and replay moderation policies.", no_args_is_help=True)

PolicyFile = Annotated[
    Path | None, typer.Argument(help="A policy; KERNELSIGHT_POLICY, or the built-in one.", show_default=False)
]
Tenant = Annotated[str | None, typer.Option(help="Apply this tenant's changes.")]


@app.command()
def show(
    file: PolicyFile = None,
    tenant: Tenant = None,
    source: Annotated[bool, typer.Option("--yaml", help="The file itself, to start your own from.")] = False,
) -> None:
    """The rules that apply, as a table."""
    path = _resolve_path(file)
    policy = _load(path)
    if source:
        print(path.read_text(), end="")
        return
    table = Table("rule", "signal", "category", "OpenAI", "severity", "allow", "review", "block", "but")
    for name, rule in policy.rules_for(tenant).items():
        thresholds = ("" if one is None else f"{one:g}" for one in (rule.allow, rule.review, rule.block))
        table.add_row(
            name,
            rule.signal,
            rule.category,
            rule.openai or "",
            str(rule.severity),
            *thresholds,
            _describe_exceptions(rule),
        )
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(_describe_policy(policy, tenant), highlight=False, markup=False)
    console.print(table)
    if policy.tenants and tenant is None:
        console.print(f"tenants: {', '.join(policy.tenants)}", highlight=False, markup=False)


def _describe_exceptions(rule: "Rule") -> str:
    confirmed = [_describe_confirmation(one) for one in rule.confirm]
    softened = [f"review only if {one}" for one in rule.soften]
    return "; ".join([*confirmed, *softened, *(f"not if {one}" for one in rule.unless), *rule.actions])


def _describe_confirmation(confirmation: "Confirmation") -> str:
    where = ", where that runs" if confirmation.optional else ""
    return f"block only if {confirmation.signal} is {confirmation.at:g}{where}"


def _describe_policy(policy: "Policy", tenant: str | None) -> str:
    whose = f" for {tenant}" if tenant else ""
    on_error = policy.on_error_for(tenant)
    return f"policy {policy.name} {policy.version}{whose}, sha256 {policy.sha256[:12]}; on error: {on_error}"


@app.command()
def check(file: PolicyFile = None) -> None:
    """Exit code 1, and what is wrong, for a policy that the service would refuse."""
    path = _resolve_path(file)
    policy = _load(path)
    print(f"{path}: {policy.name} {policy.version} is valid: {len(policy.rules)} rules, {len(policy.tenants)} tenants")


@app.command()
def replay(
    record: Annotated[Path, typer.Argument(help="JSON of a moderation: an answer of the service, or a part of it.")],
    file: Annotated[Path | None, typer.Option("--policy", help="Decide by this policy instead.")] = None,
) -> None:
    """Decide again from a stored answer; exit code 1 when the verdict is another one now."""
    policy = _load(_resolve_path(file))
    changed = sum(_replay(record, stored, policy) for stored in _find_moderations(_read_json(record)))
    if changed:
        raise DecisionDiffers(f"{record}: {changed} of its verdicts would be another one now")


def _replay(record: Path, stored: Mapping[str, Any], policy: "Policy") -> bool:
    """Print the verdict then and now; whether it changes. Raises StoredModerationInvalid."""
    from pydantic import TypeAdapter, ValidationError

    from pipelines.moderation.decision import decide
    from pipelines.moderation.types import SignalResult

    try:
        results = TypeAdapter(dict[str, SignalResult]).validate_python(stored["signals"])
    except ValidationError as cause:
        raise StoredModerationInvalid(f"{record}: its signals are not as the service writes them: {cause}") from cause
    decision = decide(policy, results, tenant=stored.get("tenant"))
    is_same = policy.sha256 == stored.get("policy_sha256")
    by = "the same policy" if is_same else f"policy {policy.name} {policy.version}, which is another one"
    print(f"{stored['verdict']} then, {decision.verdict} now by {by}")
    return bool(decision.verdict != stored["verdict"])


def _find_moderations(document: Any) -> Iterator[Mapping[str, Any]]:
    """Every moderation in a JSON document, at any depth."""
    if isinstance(document, dict):
        if {"verdict", "signals", "policy_sha256"} <= document.keys():
            yield document
            return
        document = list(document.values())
    if isinstance(document, list):
        for part in document:
            yield from _find_moderations(part)


def _read_json(path: Path) -> Any:
    """Raises StoredModerationInvalid, also for a document without a moderation."""
    import orjson

    try:
        document = orjson.loads(path.read_bytes())
    except OSError as cause:
        raise StoredModerationInvalid(f"{path}: {cause.strerror}") from cause
    except orjson.JSONDecodeError as cause:
        raise StoredModerationInvalid(f"{path} is not JSON: {cause}") from cause
    if next(_find_moderations(document), None) is None:
        raise StoredModerationInvalid(
            f"{path} holds no moderation: nothing with 'verdict', 'signals' and 'policy_sha256'"
        )
    return document


def _load(path: Path) -> "Policy":
    """Raises PolicyInvalid."""
    from pipelines.moderation.policy_file import load_policy

    return load_policy(path)


def _resolve_path(file: Path | None) -> Path:
    from pipelines.moderation.policy_file import BUILT_IN
    from service.settings import load_settings

    return file or load_settings().moderation.policy or BUILT_IN
