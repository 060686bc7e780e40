"""`kernelsight policy`: show, check and replay what moderation decides by."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table

from models.errors import KernelSightError
from pipelines.moderation.decision import decide
from pipelines.moderation.policy import Policy, Rule
from pipelines.moderation.policy_file import BUILT_IN, load_policy
from pipelines.moderation.types import SignalResult
from service.settings import load_settings

app = typer.Typer(help="Show, check and replay what moderation decides by.", no_args_is_help=True)

File = Annotated[
    Path | None, typer.Argument(help="A policy; KERNELSIGHT_POLICY, or the built-in one.", show_default=False)
]
Tenant = Annotated[str | None, typer.Option(help="Apply this tenant's changes.")]


class RecordInvalid(KernelSightError):
    code = "record-invalid"


class DecisionDiffers(KernelSightError):
    code = "decision-differs"


@app.command()
def show(
    file: File = None,
    tenant: Tenant = None,
    source: Annotated[bool, typer.Option("--yaml", help="The file itself, to start your own from.")] = False,
) -> None:
    """The rules that apply, as a table."""
    path = _path(file)
    policy = load_policy(path)
    if source:
        print(path.read_text(), end="")
        return
    table = Table("rule", "signal", "category", "OpenAI", "severity", "allow", "review", "block", "but")
    for name, rule in policy.rules_for(tenant).items():
        thresholds = ("" if one is None else f"{one:g}" for one in (rule.allow, rule.review, rule.block))
        table.add_row(name, rule.signal, rule.category, rule.openai or "", str(rule.severity), *thresholds, _but(rule))
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(_headline(policy, tenant), highlight=False, markup=False)
    console.print(table)
    if policy.tenants and tenant is None:
        console.print(f"tenants: {', '.join(policy.tenants)}", highlight=False, markup=False)


def _but(rule: Rule) -> str:
    confirmed = [f"block only if {rule.confirm.signal} is {rule.confirm.at:g}"] if rule.confirm else []
    softened = [f"review only if {one}" for one in rule.soften]
    return "; ".join([*confirmed, *softened, *(f"not if {one}" for one in rule.unless), *rule.actions])


def _headline(policy: Policy, tenant: str | None) -> str:
    whose = f" for {tenant}" if tenant else ""
    on_error = policy.on_error_for(tenant)
    return f"policy {policy.name} {policy.version}{whose}, sha256 {policy.sha256[:12]}; on error: {on_error}"


@app.command()
def check(file: File = None) -> None:
    """Exit code 1, and what is wrong, for a policy that the service would refuse."""
    path = _path(file)
    policy = load_policy(path)
    print(f"{path}: {policy.name} {policy.version} is valid: {len(policy.rules)} rules, {len(policy.tenants)} tenants")


@app.command()
def replay(
    record: Annotated[Path, typer.Argument(help="JSON of a moderation: an answer of the service, or a part of it.")],
    file: Annotated[Path | None, typer.Option("--policy", help="Decide by this policy instead.")] = None,
) -> None:
    """Decide again from a stored answer; exit code 1 when the verdict is another one now."""
    policy = load_policy(_path(file))
    differs = 0
    for stored in _moderations(_json(record)):
        try:
            readings = TypeAdapter(dict[str, SignalResult]).validate_python(stored["signals"])
        except ValidationError as cause:
            raise RecordInvalid(f"{record}: its signals are not as the service writes them: {cause}") from cause
        again = decide(policy, readings, tenant=stored.get("tenant"))
        same_policy = policy.sha256 == stored.get("policy_sha256")
        by = "the same policy" if same_policy else f"policy {policy.name} {policy.version}, which is another one"
        print(f"{stored['verdict']} then, {again.verdict} now by {by}")
        differs += again.verdict != stored["verdict"]
    if differs:
        raise DecisionDiffers(f"{record}: {differs} of its verdicts would be another one now")


def _moderations(found: Any) -> Iterator[Mapping[str, Any]]:
    """Every moderation in a JSON document, whatever stands around it."""
    if isinstance(found, dict):
        if {"verdict", "signals", "policy_sha256"} <= found.keys():
            yield found
            return
        found = list(found.values())
    if isinstance(found, list):
        for one in found:
            yield from _moderations(one)


def _json(path: Path) -> Any:
    try:
        found = orjson.loads(path.read_bytes())
    except OSError as cause:
        raise RecordInvalid(f"{path}: {cause.strerror}") from cause
    except orjson.JSONDecodeError as cause:
        raise RecordInvalid(f"{path} is not JSON: {cause}") from cause
    if next(_moderations(found), None) is None:
        raise RecordInvalid(f"{path} holds no moderation: nothing with 'verdict', 'signals' and 'policy_sha256'")
    return found


def _path(file: Path | None) -> Path:
    return file or load_settings().moderation.policy or BUILT_IN
