"""The command line. Errors are one line on stderr and exit code 1; wrong usage is exit code 2."""

import sys
from typing import Annotated

import typer

from models.errors import KernelSightError
from service.cli import (
    canary,
    categories,
    documents,
    hashes,
    images,
    jobs,
    models,
    moderate,
    policy,
    reference,
    serve,
    shadow,
    trace,
    worker,
)
from service.telemetry.logs import configure_logging
from service.telemetry.request_context import RequestContext, new_request_id, bind_request

app = typer.Typer(
    name="kernelsight",
    help="Image understanding for multimodal chatbots.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models.app.command("shadow")(shadow.shadow)
models.app.command("promote")(shadow.promote)
app.add_typer(models.app, name="models")
app.add_typer(categories.app, name="categories")
app.add_typer(canary.app, name="canary")
app.command("serve")(serve.serve)
app.command("worker")(worker.worker)
app.command("trace")(trace.trace)
app.add_typer(jobs.app, name="jobs")
app.add_typer(policy.app, name="policy")
app.add_typer(hashes.app, name="hashes")
app.add_typer(reference.app, name="reference")
app.command("moderate")(moderate.moderate)
app.command("features")(images.features)
app.command("explain")(images.explain)
app.command("faces")(images.faces)
app.command("avatar")(images.avatar)
app.command("documents")(documents.documents)
app.command("sanitize")(images.sanitize)


@app.callback()
def options(
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
