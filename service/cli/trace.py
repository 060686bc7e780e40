"""`kernelsight trace`: the whole way of one result, from its record in the audit log."""

import asyncio
from typing import Annotated

import typer


def trace(
    result_id: Annotated[str, typer.Argument(help="The `result_id` of an answer.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="All of it as JSON.")] = False,
) -> None:
    """Show the whole way of one result: who asked, stage by stage, models, policy, scores, feedback."""
    from service.cli.trace_report import load_trace, print_trace
    from service.settings import load_settings

    loaded = asyncio.run(load_trace(load_settings(), result_id))
    if json:
        print(loaded.model_dump_json(exclude_none=True, indent=2))
    else:
        print_trace(loaded)
