"""Errors as HTTP: one table from code to status, and one body that is both problem+json (RFC 9457) and our envelope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import Scope

from cloud_api.http.clock import utc_now
from cloud_api.http.envelope import Meta
from shared.errors import PharosError
from shared.repositories import strip_userinfo

PROBLEM_TYPE = "application/problem+json"
#: Seconds after which it is worth asking again when a part does not answer.
RETRY_UNAVAILABLE = 10


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a code means: its status, its title, and what one does about it."""

    status: int
    title: str
    advice: str


KNOWN: Mapping[str, Known] = {
    "BAD_REQUEST": Known(
        status=400,
        title="Bad request",
        advice="The request could not be read as HTTP or JSON, or was sent to a host name that this control plane "
        "does not answer for. Compare it with /openapi.json.",
    ),
    "INVALID_REQUEST": Known(
        status=400,
        title="Invalid request",
        advice="A parameter or header does not have the form that it needs, or is not known here. 'details' names it.",
    ),
    "INVALID_REPOSITORY": Known(
        status=400,
        title="Invalid repository",
        advice="Give an address such as https://github.com/owner/name, without user name, token, or a path inside the "
        "repository. Other hosts are admitted by PHAROS_GIT_HOSTS, local folders by PHAROS_LOCAL_ROOTS.",
    ),
    "LEDGER_REFUSED": Known(
        status=400,
        title="A value that cannot be kept",
        advice="Text in a request must not hold a NUL character, and numbers must not be out of all proportion.",
    ),
    "UNAUTHORIZED": Known(
        status=401,
        title="A token is needed",
        advice="Send the value of PHAROS_ADMIN_TOKEN as 'Authorization: Bearer …', or sign in on the page.",
    ),
    "FORBIDDEN": Known(
        status=403,
        title="Not allowed",
        advice="People use PHAROS_ADMIN_TOKEN, workers PHAROS_WORKER_TOKEN, and neither can do the other's work. A "
        "browser must send the request from Pharos' own page.",
    ),
    "NOT_FOUND": Known(
        status=404,
        title="Not found",
        advice="The address, job, repository or file does not exist, or it was removed. Ended jobs are kept for "
        "PHAROS_JOB_RETENTION.",
    ),
    "METHOD_NOT_ALLOWED": Known(
        status=405, title="Method not allowed", advice="The 'Allow' header names the methods that this address takes."
    ),
    "BODY_TOO_LARGE": Known(
        status=413, title="Body too large", advice="A request's body may have 1 MB. Nothing here needs more."
    ),
    "VALIDATION_FAILED": Known(
        status=422,
        title="Validation failed",
        advice="The request was read, but a value is missing or out of range. 'details' names each one.",
    ),
    "IDEMPOTENCY_CONFLICT": Known(
        status=422,
        title="Idempotency key used before",
        advice="The same Idempotency-Key came with a different request within 24 h. Use a new key for a new request.",
    ),
    "LIVES_ELSEWHERE": Known(
        status=409,
        title="The vectors lie on another node",
        advice="Leave out needs.node: the job goes to the node that has the vectors. To move a repository, remove it "
        "and add it again.",
    ),
    "NOT_ENDED": Known(
        status=409,
        title="Job has not ended",
        advice="Only a job that has ended can be run again. Cancel it first, or wait for its end.",
    ),
    "TOO_LATE": Known(
        status=409,
        title="Too late",
        advice="Whoever asked was told already: the time was over, or another worker answered. Drop the answer.",
    ),
    "QUEUE_FULL": Known(
        status=429,
        title="Queue is full",
        advice="As many jobs wait as PHAROS_QUEUE_CAP admits. Nothing was added. Try again after 'Retry-After' "
        "seconds, connect a worker, or raise the cap.",
    ),
    "INTERNAL": Known(
        status=500,
        title="Internal error",
        advice="Something went wrong inside Pharos. The log has the reason under the request id of the answer.",
    ),
    "UNAVAILABLE": Known(
        status=503, title="Unavailable", advice="A part that Pharos stands on does not answer. /health names it."
    ),
    "LEDGER_UNAVAILABLE": Known(
        status=503,
        title="Ledger unavailable",
        advice="Postgres does not answer, so nothing can be recorded and nothing was. A sleeping database wakes within "
        "seconds: try again.",
    ),
    "MAILBOX_UNAVAILABLE": Known(
        status=503,
        title="Queue unavailable",
        advice="Redis does not answer. Jobs are still accepted and run, a little later than usual.",
    ),
    "STORE_UNAVAILABLE": Known(
        status=503, title="Vector store unavailable", advice="Nothing that was published is lost. Try again."
    ),
    "NO_WORKER": Known(
        status=503,
        title="No worker is there",
        advice="Nobody holds a line who could answer. Start a worker, or look at /api/v1/workers for why it is away.",
    ),
    "NOT_ANSWERED": Known(
        status=504,
        title="No answer in time",
        advice="No worker answered before the deadline. Try again; pharos doctor measures the line.",
    ),
}


class ErrorBody(BaseModel):
    """The error of our envelope; ``code`` is the stable contract."""

    code: str
    message: str
    details: list[dict[str, str | int | float | bool | None]]


class Problem(BaseModel):
    """A failure: RFC 9457 members and our envelope in one body."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    success: Literal[False] = False
    data: None = None
    meta: Meta
    error: ErrorBody


def kebab(code: str) -> str:
    """Return a code as it stands in addresses: ``QUEUE_FULL`` is ``queue-full``."""
    return code.lower().replace("_", "-")


def problem_response(
    scope: Scope,
    code: str,
    message: str,
    *,
    details: list[dict[str, str | int | float | bool | None]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the answer for one error. ``code`` must be in the table."""
    known = KNOWN[code]
    body = Problem(
        type=f"/errors/{kebab(code)}",
        title=known.title,
        status=known.status,
        detail=message,
        instance=_instance(scope["path"]),
        meta=Meta(request_id=scope["state"]["request_id"], timestamp=utc_now()),
        error=ErrorBody(code=code, message=message, details=details or []),
    )
    return Response(body.model_dump_json(), known.status, _headers(known.status, headers), PROBLEM_TYPE)


def error_response(scope: Scope, error: PharosError) -> Response:
    """Return the answer for an error of our tree."""
    details = [dict(error.details)] if error.details else []
    retry_after = error.details.get("retry_after")
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
    return problem_response(scope, error.code, error.message, details=details, headers=headers)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the part of an OpenAPI operation that names the failures with these statuses."""
    schema = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    titles = {known.status: known.title for known in reversed(list(KNOWN.values()))}
    return {status: {"description": titles[status], "content": schema} for status in statuses}


def _headers(status: int, given: Mapping[str, str] | None) -> dict[str, str]:
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="pharos"'
    if status == 503:
        headers["Retry-After"] = str(RETRY_UNAVAILABLE)
    return headers | dict(given or {})


def _instance(path: str) -> str:
    # The route with slashes may hold an address with a password in it.
    return strip_userinfo(path) if "@" in path else path
