"""The pages for browsers: the operations page, and the API's documentation from files of our own."""

import base64
import hashlib
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.staticfiles import StaticFiles
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

_OPS_PAGE = Path(__file__).parents[1] / "web" / "ops"
_ASSETS = "/static-offline-docs"  # where fastapi-offline mounts them

_OWN_FILES = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


class PageFiles(StaticFiles):
    """Files of a page that loads its own scripts and styles only, and talks to this service only."""

    async def get_response(self, path: str, scope: Any) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Content-Security-Policy"] = _OWN_FILES
        return response


def add_pages(app: FastAPI) -> None:
    """`/ops`, which needs no key because its numbers come from `/metrics`, and `/docs` and `/redoc`."""
    app.mount("/ops", PageFiles(directory=_OPS_PAGE, html=True))

    def document_at(root: str) -> dict[str, Any]:
        return {"openapi_url": f"{root}{app.openapi_url}", "title": app.title}

    @app.get("/docs", include_in_schema=False)
    async def swagger_page(request: Request) -> Response:
        root = request.scope["root_path"]
        assets: dict[str, Any] = {
            "swagger_js_url": f"{root}{_ASSETS}/swagger-ui-bundle.js",
            "swagger_css_url": f"{root}{_ASSETS}/swagger-ui.css",
            "swagger_favicon_url": f"{root}{_ASSETS}/favicon.png",
        }
        return _with_policy(get_swagger_ui_html(**document_at(root), **assets))

    @app.get("/redoc", include_in_schema=False)
    async def redoc_page(request: Request) -> Response:
        root = request.scope["root_path"]
        page = get_redoc_html(
            **document_at(root),
            redoc_js_url=f"{root}{_ASSETS}/redoc.standalone.js",
            redoc_favicon_url=f"{root}{_ASSETS}/favicon.png",
            with_google_fonts=False,
        )
        return _with_policy(page, "worker-src blob:")


def _with_policy(page: HTMLResponse, *more: str) -> HTMLResponse:
    """Both write styles into the page; of scripts within it, only those run that are there now."""
    scripts = [part.partition("</script>")[0] for part in bytes(page.body).decode().split("<script>")[1:]]
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in scripts]
    rules = [_OWN_FILES, " ".join(["script-src 'self'", *hashes]), "style-src 'self' 'unsafe-inline'", *more]
    page.headers["Content-Security-Policy"] = "; ".join(rules)
    return page
