"""What surrounds every request: its id, its log line, its figures, the security headers, and the last resort."""

from __future__ import annotations

import re
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud_api.http.handlers import status_problem
from cloud_api.http.meters import Meters
from cloud_api.http.problems import problem_response
from shared.ids import new_request_id
from shared.logs import get_logger
from shared.nodes.heartbeat import HEARTBEAT_PATH
from shared.nodes.line import ACKNOWLEDGEMENTS_PATH, ANSWERS_PATH

_log = get_logger("http")

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
#: Polled every few seconds by pages and hosts: their log lines say nothing.
_QUIET = frozenset({"/ui/board", "/health", "/static", HEARTBEAT_PATH, ACKNOWLEDGEMENTS_PATH, ANSWERS_PATH})
_POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
#: As they go over the wire; no answer has one of its own.
_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", _POLICY.encode()),
    # Not "no-referrer": browsers would then send "Origin: null" with our own forms.
    (b"referrer-policy", b"same-origin"),
)
_HSTS = "max-age=31536000; includeSubDomains"


class AlwaysHttps:
    """Takes every request as the https that it was before something in front of this process ended TLS."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["scheme"] = "https"
        await self._app(scope, receive, send)


class HeadAsGet:
    """Answers HEAD as GET without the body (RFC 9110, 9.3.2): what watches a host asks that way."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app({**scope, "method": "GET"}, receive, without_body)


class RequestContext:
    """The outermost room: gives each request an id and answers 500 for what nobody foresaw."""

    def __init__(self, app: ASGIApp, *, meters: Meters) -> None:
        self._app = app
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        answer = _Answer(send, scope, request_id)
        try:
            await self._app(scope, receive, answer.send)
        except Exception:  # the last resort: recorded in full, answered without detail
            _log.exception("request_failed", route=_route(scope))
            if answer.status is not None:
                raise
            await _internal(scope)(scope, receive, answer.send)
        finally:
            self._record(scope, answer.status, answer.seconds)

    def _record(self, scope: Scope, status: int | None, seconds: float) -> None:
        route = _route(scope)
        self._meters.request(method=scope["method"], route=route, status=status or 0, seconds=seconds)
        # The template of the route, never its path or query: those may hold a password or a sign-in code.
        write = _log.debug if route in _QUIET else _log.info
        write(
            "request_answered",
            method=scope["method"],
            route=route,
            status=status,
            milliseconds=round(seconds * 1000, 1),
            client=client_of(scope),
        )


class _Answer:
    """Sends an answer on, with the headers that every answer has."""

    def __init__(self, send: Send, scope: Scope, request_id: str) -> None:
        self._send = send
        self._scope = scope
        self._request_id = request_id
        self._started = time.perf_counter()
        self._streams_at: float | None = None
        self.status: int | None = None

    @property
    def seconds(self) -> float:
        """Seconds that the answer took; of a stream, until it began: it is held for hours, and that is no work."""
        ended = time.perf_counter() if self._streams_at is None else self._streams_at
        return ended - self._started

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers.raw.extend(((b"x-request-id", self._request_id.encode()), *_SECURITY))
            if self._scope["scheme"] == "https":
                headers["Strict-Transport-Security"] = _HSTS
            headers.setdefault("Cache-Control", "no-store")
            if headers.get("content-type", "").startswith("text/event-stream"):
                self._streams_at = time.perf_counter()
        await self._send(message)


class PlainErrors:
    """Turns the plain-text refusals of library middleware (host, body size) into problems."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        replaced = False

        async def watched(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and _plain_error(message):
                replaced = True
                await status_problem(Request(scope), message["status"])(scope, receive, send)
            if not replaced:
                await send(message)

        await self._app(scope, receive, watched if scope["type"] == "http" else send)


def client_of(scope: Scope) -> str:
    """Return the address that a request came from."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _plain_error(message: Message) -> bool:
    content_type = Headers(raw=message["headers"]).get("content-type", "")
    return message["status"] >= 400 and content_type.startswith("text/plain")


def _internal(scope: Scope) -> ASGIApp:
    text = "Something went wrong inside Pharos. The log has the reason under this request id; try again in a moment."
    return problem_response(scope, "INTERNAL", text)


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else new_request_id()


def _route(scope: Scope) -> str:
    if scope["path"].startswith("/static/"):
        return "/static"
    return str(getattr(scope.get("route"), "path", "unmatched"))
