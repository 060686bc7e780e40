"""`kernelsight serve`: the HTTP service."""

import socket
import sys
from typing import Annotated

import typer

from service.cli.errors import PortUnavailable, StartFailed

# How long a thread may keep the interpreter from others that ask for it, instead of Python's 5 ms: requests go from
# thread to thread, and with this 4 % more of them are answered, with and without overload.
_SWITCH_SECONDS = 0.001


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; KERNELSIGHT_HOST, or loopback.")] = None,
    port: Annotated[int | None, typer.Option(help="0 takes a free one; KERNELSIGHT_PORT, or 8000.", max=65535)] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Listen beyond loopback without an API key.")] = False,
) -> None:
    """Serve the REST API."""
    from service.components import open_catalog, open_store
    from service.http.app import create_app
    from service.http.bind import check_bind
    from service.http.server import create_server
    from service.model_selection import log_selections, select_models
    from service.settings import load_settings
    from service.telemetry.logs import configure_service_logging

    given = {name: value for name, value in {"host": host, "port": port}.items() if value is not None}
    settings = load_settings()
    settings = settings.model_copy(update={"server": settings.server.model_copy(update=given)})
    configure_service_logging(settings)
    check_bind(settings, insecure=insecure)
    # Before we listen: missing models end the command.
    log_selections(select_models(settings, open_catalog(settings), open_store(settings)))

    def stop() -> None:
        server.should_exit = True

    app = create_app(settings, on_failure=stop)
    server = create_server(app, settings, app.state.doors)
    listeners = [_listen(settings.server.host, settings.server.port)]
    print(f"KernelSight listens on {_url(settings.server.host, listeners[0])}  (API: /docs)", flush=True)
    if settings.server.operate_port is not None:
        listeners.append(_listen(settings.server.operate_host, settings.server.operate_port))
        app.state.operate_port = listeners[1].getsockname()[1]
        print(f"Operators' routes are on {_url(settings.server.operate_host, listeners[1])} alone", flush=True)
    sys.setswitchinterval(_SWITCH_SECONDS)
    server.run(sockets=listeners)
    if app.state.failure:
        raise StartFailed(str(app.state.failure))


def _url(host: str, listener: socket.socket) -> str:
    return f"http://{host}:{listener.getsockname()[1]}"


def _listen(host: str, port: int) -> socket.socket:
    """Raises PortUnavailable."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)  # the server sets its backlog
    except OSError as cause:
        raise PortUnavailable(
            f"cannot listen on {host}:{port}: {cause.strerror or cause}; choose another with --port"
        ) from cause
