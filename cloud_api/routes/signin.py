"""Signing in and out: a form for the token, a link that works once, and the code for such a link."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query
from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cloud_api.auth.codes import LIFETIME
from cloud_api.auth.gate import PersonRoute, check_origin
from cloud_api.auth.principal import Audience
from cloud_api.http.deps import TheGate
from cloud_api.http.envelope import Envelope, enveloped
from cloud_api.http.problems import documented
from cloud_api.routes.views import CodeView
from cloud_api.ui.render import render

open_router = APIRouter(include_in_schema=False)
router = APIRouter(tags=["sign-in"], route_class=PersonRoute)

_WRONG = "That token is not right. Nothing was changed. Paste the value of PHAROS_ADMIN_TOKEN."
_OLD_CODE = "That link was used already or is older than 15 minutes. Make a new one, or paste the token."


@router.post("/api/v1/sign-in-codes", status_code=201, responses=documented(400, 401, 403, 405, 500))
async def make_code(request: Request, gate: TheGate) -> Envelope[CodeView]:
    """Make a link that signs a browser in, once, within 15 minutes."""
    return enveloped(request, CodeView(path=f"/sign-in?code={gate.codes.issue()}", expires_in=LIFETIME))


@open_router.get("/sign-in")
async def show_sign_in(
    request: Request, gate: TheGate, code: Annotated[str | SkipJsonSchema[None], Query(max_length=100)] = None
) -> Response:
    """The form; with a code that still works, the page itself."""
    if code is None:
        return _form()
    if not gate.codes.redeem(code):
        gate.note_failure(request, "code")
        return _form(_OLD_CODE, 401)
    return _signed_in(request, gate)


@open_router.post("/sign-in")
async def sign_in(request: Request, gate: TheGate, token: Annotated[str, Form(max_length=1000)] = "") -> Response:
    """Begin a session when the token is right."""
    check_origin(request)
    principal = gate.tokens.bearer(token.strip())
    if principal is None or principal.kind is not Audience.PERSON:
        gate.note_failure(request, "form")
        return _form(_WRONG, 401)
    return _signed_in(request, gate)


@open_router.post("/sign-out")
async def sign_out(request: Request, gate: TheGate) -> Response:
    """End the session of this browser."""
    check_origin(request)
    response = RedirectResponse("/sign-in", 303)
    gate.sessions.end(response, secure=request.url.scheme == "https")
    return response


def _signed_in(request: Request, gate: TheGate) -> Response:
    response = RedirectResponse("/", 303)
    gate.sessions.start(response, secure=request.url.scheme == "https")
    return response


def _form(error: str | None = None, status: int = 200) -> Response:
    headers = {"WWW-Authenticate": 'Bearer realm="pharos"'} if status == 401 else None
    return HTMLResponse(render("sign_in.html", error=error), status, headers)
