"""The command line. Errors are one line on stderr and exit code 1; wrong usage is exit code 2.

`kernelsight --help` and a mistyped option must not wait for libraries. So this package and the modules of commands
import only light modules at their top; what a command needs to run is imported in its function.
"""

import sys
from typing import Annotated

import typer

from models.errors import KernelSightError
from service.cli.lazy_group import LazyGroup
from service.telemetry.logs import configure_logging
from service.telemetry.request_context import RequestContext, bind_request, new_request_id

app = typer.Typer(
    name="kernelsight",
    cls=LazyGroup,
    help="Image understanding for multimodal chatbots.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def set_up(
    context: typer.Context,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what happens, and tracebacks.")] = False,
) -> None:
    configure_logging("INFO" if verbose else "WARNING")
    if context.invoked_subcommand not in ("serve", "worker"):  # these answer requests of others
        context.with_resource(bind_request(RequestContext(new_request_id(), context.invoked_subcommand)))


def main() -> None:
    try:
        app()
    except KernelSightError as error:
        if "--verbose" in sys.argv or "-v" in sys.argv:
            raise
        print(f"kernelsight: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:  # `kernelsight … | head` is no failure
        sys.stderr.close()
        sys.exit(0)
