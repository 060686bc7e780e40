"""Every method and path that an app serves, so that a test of all routes cannot forget a new one."""

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts


def served_routes(app: FastAPI) -> list[tuple[str, str]]:
    """Methods and paths, the braces of parameters removed; of a mount, its index."""
    found: set[tuple[str, str]] = set()
    for route in iter_route_contexts(app.routes):
        path = (route.path or "").replace("{", "").replace("}", "")
        methods = getattr(route, "methods", None)
        found |= {(method, path) for method in methods} if methods else {("GET", f"{path}/")}
    return sorted(found)
