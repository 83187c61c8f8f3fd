"""The gate: who may pass, asked before a request's body or parameters are looked at."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, ClassVar

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cloud_api.auth.codes import SignInCodes
from cloud_api.auth.principal import PERSON, Audience, Principal
from cloud_api.auth.session import Sessions
from cloud_api.auth.tokens import Tokens
from shared.errors import Forbidden, InvalidRequest, Unauthorized
from shared.logs import get_logger

_log = get_logger("auth")

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Tells who is asking, from a bearer token or from the page's cookie."""

    tokens: Tokens
    sessions: Sessions
    codes: SignInCodes
    #: Counts a wrong credential of a kind.
    refused: Callable[[str], None]

    def admit(self, request: Request, audience: Audience) -> Principal:
        """Return who is asking.

        Raises:
            Unauthorized: there is no credential, or it is wrong.
            Forbidden: it is somebody else's door, or a cookie came with a change from another page.
        """
        principal = self._by_bearer(request) or self._by_cookie(request)
        if principal is None:
            raise Unauthorized
        if principal.kind is not audience:
            raise Forbidden(f"This is for the {audience} token. Nothing was changed.")
        return principal

    def note_failure(self, request: Request, kind: str) -> None:
        """Record that a credential was wrong: ``bearer``, ``cookie``, ``form`` or ``code``."""
        self.refused(kind)
        _log.warning("credential_refused", kind=kind, client=request.client.host if request.client else "unknown")

    def _by_bearer(self, request: Request) -> Principal | None:
        header = request.headers.get("authorization")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        principal = self.tokens.bearer(token.strip()) if scheme.lower() == "bearer" else None
        if principal is None:
            self.note_failure(request, "bearer")
            raise Unauthorized
        return principal

    def _by_cookie(self, request: Request) -> Principal | None:
        cookie = request.cookies.get(self.sessions.cookie)
        if cookie is None:
            return None
        if not self.sessions.valid(cookie):
            self.note_failure(request, "cookie")
            return None
        check_origin(request)
        return PERSON


def check_origin(request: Request) -> None:
    """Let a change through only when it comes from our own page.

    Raises:
        Forbidden: the method changes something, and ``Origin`` is missing or names another site.
    """
    if request.method in _SAFE:
        return
    host = request.headers.get("host", "")
    # A proxy may end TLS in front of us: https is our own page too, plain http only when we are asked that way.
    ours = {f"https://{host}", f"{request.url.scheme}://{host}"}
    if request.headers.get("origin") not in ours:
        raise Forbidden("The request did not come from Pharos' own page. Nothing was changed.")


class PersonRoute(APIRoute):
    """A route for people. Its guard runs before the body is read, so that strangers learn nothing from validation."""

    audience: ClassVar[Audience] = Audience.PERSON

    def get_route_handler(self) -> _Handler:
        """Return the route's handler behind the gate."""
        answer = super().get_route_handler()
        known = _query_names(self.dependant)

        async def guarded(request: Request) -> Response:
            gate: Gate = request.app.state.gate
            request.state.principal = gate.admit(request, self.audience)
            if request.scope["query_string"] and request.scope["path"].startswith("/api/"):
                _refuse_unknown(request, known)
            return await answer(request)

        return guarded


def _query_names(dependant: Dependant) -> frozenset[str]:
    own = frozenset(field.alias for field in dependant.query_params)
    return own.union(*(_query_names(inner) for inner in dependant.dependencies))


def _refuse_unknown(request: Request, known: frozenset[str]) -> None:
    """Refuse query parameters that mean nothing here, or stand twice: a slip must not change the answer in silence.

    An address with a question mark in it loses its tail to the query string, and would be taken for another one.
    """
    given = [name for name, _ in request.query_params.multi_items()]
    if set(given) <= known and len(given) == len(set(given)):
        return
    names = ", ".join(sorted(known)) or "none"
    raise InvalidRequest(
        f"The query holds a parameter that is not known here, or one twice (known: {names}). Nothing was changed. "
        "Percent-encode a question mark that belongs to an address."
    )


class WorkerRoute(PersonRoute):
    """A route for workers alone."""

    audience = Audience.WORKER


class PageRoute(PersonRoute):
    """A page for people: who is not signed in is sent to the sign-in form."""

    def get_route_handler(self) -> _Handler:
        """Return the page's handler behind the gate."""
        answer = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await answer(request)
            except Unauthorized:
                return RedirectResponse("/sign-in", 303)

        return guarded
