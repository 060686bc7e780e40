"""Turns every error of every route into a problem+json response."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from models.errors import KernelSightError, Overloaded
from pipelines import errors as pipelines
from service.errors import Unauthorised
from service.problems import _RETRY_SECONDS, _nearest, as_answered, problem, problem_of


def answer(error: KernelSightError, path: str) -> JSONResponse:
    """The response for a domain error of a request for `path`."""
    headers = {}
    retry = error.retry_seconds if isinstance(error, Overloaded) else _nearest(_RETRY_SECONDS, error)
    if retry is not None:
        headers["Retry-After"] = str(round(retry))
    if isinstance(error, Unauthorised):
        headers["WWW-Authenticate"] = "Bearer"
    return problem_response(path, problem_of(error), headers)


def bug(path: str) -> JSONResponse:
    """The response where nobody knows what went wrong."""
    return problem_response(path, problem("internal", 500, "Internal error", "this is a bug; the log has the details"))


def install(app: FastAPI) -> None:
    """Every error of every route leaves as problem+json, FastAPI's own included; bugs do so by requests.py."""

    async def domain(request: Request, error: Exception) -> Response:
        assert isinstance(error, KernelSightError)
        request.app.state.metrics.requests.rejected(error.code)
        return answer(error, request.url.path)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "http")
        request.app.state.metrics.requests.rejected(code)
        body = problem(
            code, error.status_code, str(error.detail), f"{request.method} {request.url.path}: {error.detail}"
        )
        return problem_response(request.url.path, body, dict(error.headers or {}))

    async def validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        request.app.state.metrics.requests.rejected(pipelines.RequestRejected.code)
        wrong = [{"where": ".".join(map(str, one["loc"])), "what": one["msg"]} for one in error.errors()]
        detail = "; ".join(f"{one['where']}: {one['what']}" for one in wrong)
        body = problem(pipelines.RequestRejected.code, 422, "The request is not valid", detail, errors=wrong)
        return problem_response(request.url.path, body, {})

    async def gone(request: Request, error: Exception) -> Response:
        return Response(status_code=499)  # nobody reads it; the number is what proxies log for a client that left

    app.add_exception_handler(KernelSightError, domain)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(ClientDisconnect, gone)


def problem_response(path: str, body: dict[str, Any], headers: Mapping[str, str] | None = None) -> JSONResponse:
    status, media_type, content = as_answered(path, body)
    return JSONResponse(content, status, headers, media_type=media_type)
