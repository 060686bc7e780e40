"""Turns every error of every route into a problem+json response."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import compile_path

from models.errors import KernelSightError
from pipelines.errors import RequestRejected
from service.errors import Unauthorised
from service.operations.field_errors import describe_parameter_errors
from service.problems import format_problem, problem_body, problem_for, retry_seconds


def error_response(error: KernelSightError, path: str) -> JSONResponse:
    """The response to a request for `path` that a domain error ended."""
    headers = {}
    if (seconds := retry_seconds(error)) is not None:
        headers["Retry-After"] = str(round(seconds))
    if isinstance(error, Unauthorised):
        headers["WWW-Authenticate"] = "Bearer"
    return problem_response(path, problem_for(error), headers)


def internal_error_response(path: str) -> JSONResponse:
    """The response to a request for `path` that a bug ended."""
    return problem_response(
        path, problem_body("internal", 500, "Internal error", "this is a bug; the log has the details")
    )


def install_error_handlers(app: FastAPI) -> None:
    """Answer every error of every route, FastAPI's own included, with problem+json; bugs are left to middleware.py."""
    app.add_exception_handler(KernelSightError, _handle_domain_error)
    app.add_exception_handler(HTTPException, _handle_http_error)
    app.add_exception_handler(RequestValidationError, _handle_invalid_request)
    app.add_exception_handler(ClientDisconnect, _handle_disconnect)


def problem_response(path: str, body: dict[str, Any], headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The response with a problem+json body to a request for `path`."""
    status, media_type, content = format_problem(path, body)
    return JSONResponse(content, status, headers, media_type=media_type)


def allowed_methods(app: FastAPI, path: str) -> list[str]:
    """The methods of every route that `path` matches."""
    found: set[str] = set()
    for route in iter_route_contexts(app.routes):
        if route.path and compile_path(route.path)[0].match(path):
            found |= getattr(route, "methods", None) or set()
    return sorted(found)


async def _handle_domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, KernelSightError)
    request.app.state.metrics.requests.count_problem(error.code)
    return error_response(error, request.url.path)


async def _handle_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:  # Starlette names the methods of one of the path's routes
        headers["Allow"] = ", ".join(allowed_methods(request.app, request.url.path))
    code = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "http")
    request.app.state.metrics.requests.count_problem(code)
    body = problem_body(
        code, error.status_code, str(error.detail), f"{request.method} {request.url.path}: {error.detail}"
    )
    return problem_response(request.url.path, body, headers)


async def _handle_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    request.app.state.metrics.requests.count_problem(RequestRejected.code)
    found = describe_parameter_errors(error.errors())
    errors = [asdict(one) for one in found.errors]
    body = problem_body(RequestRejected.code, 422, "The request is not valid", str(found), errors=errors)
    return problem_response(request.url.path, body, {})


async def _handle_disconnect(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # never read: it is the number that proxies log for a client that left
