"""From an exception to a problem: our own errors, validation, and what the framework raises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloud_api.http.problems import KNOWN, error_response, problem_response
from shared.errors import InvalidRepository, PharosError

_BY_STATUS = {
    400: ("BAD_REQUEST", "The request could not be read. Nothing was changed."),
    404: ("NOT_FOUND", "There is no such address here."),
    405: ("METHOD_NOT_ALLOWED", "This address does not take that method. Nothing was changed."),
    413: ("BODY_TOO_LARGE", "The body is larger than 1 MB. Nothing was changed."),
}
_ADDRESSES = frozenset({"url", "repo_url"})


def install_handlers(app: FastAPI) -> None:
    """Answer every error of ``app`` with a problem. What is not known here is for the middleware: a bare 500."""
    app.add_exception_handler(PharosError, _on_pharos_error)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)


def status_problem(request: Request, status: int, headers: dict[str, str] | None = None) -> Response:
    """Return the problem for a status that the framework chose."""
    code, message = _BY_STATUS.get(status, ("INTERNAL", KNOWN["INTERNAL"].title))
    return problem_response(request.scope, code, message, headers=headers)


async def _on_pharos_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, PharosError) or error.code not in KNOWN:
        raise error
    return error_response(request.scope, error)


async def _on_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException) or error.status_code not in _BY_STATUS:
        raise error
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = _allowed(request)
    return status_problem(request, error.status_code, headers)


def _allowed(request: Request) -> str:
    # The framework names the methods of the first route at this path, and each of ours is a route of its own.
    path, methods = request.url.path, set[str]()
    for route in iter_route_contexts(request.app.routes):
        if route.path_regex.match(path):
            methods |= route.methods or set()
    # Static files are not a route: they can be read.
    return ", ".join(sorted(methods)) or "GET, HEAD"


async def _on_validation(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    problems = error.errors()
    code, message = _verdict(problems)
    # Only where and what: the value itself may be a secret.
    details: list[dict[str, str | int | float | bool | None]] = [
        {"where": ".".join(str(step) for step in problem["loc"])[:200], "what": str(problem["msg"])[:200]}
        for problem in problems[:20]
    ]
    return problem_response(request.scope, code, message, details=details)


def _verdict(problems: Sequence[Any]) -> tuple[str, str]:
    names = {str(step).lower() for problem in problems for step in problem["loc"]}
    if names & _ADDRESSES and "kind" not in names:
        return InvalidRepository.code, InvalidRepository().message
    if any(problem["type"] == "json_invalid" for problem in problems):
        return "BAD_REQUEST", "The body is not JSON. Nothing was changed."
    if "idempotency-key" in names:
        return "INVALID_REQUEST", "An Idempotency-Key has 1 to 200 letters, digits or signs. Nothing was changed."
    return (
        "VALIDATION_FAILED",
        "A value is missing, unknown or out of range; 'details' says which. Nothing was changed.",
    )
