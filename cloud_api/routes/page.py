"""The page: what the worker does, what waits, what ended, and a box to submit a repository."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query
from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cloud_api.auth.gate import PageRoute, PersonRoute
from cloud_api.auth.principal import Principal
from cloud_api.http.clock import utc_now
from cloud_api.http.deps import Caller, TheServices
from cloud_api.http.envelope import etag_of, unchanged
from cloud_api.http.problems import KNOWN
from cloud_api.routes.views import JobId
from cloud_api.services.bundle import Services
from cloud_api.services.submit import SubmitAnswer
from cloud_api.ui.board import BoardPage, board_of
from cloud_api.ui.plans import PlanLine, plan_line
from cloud_api.ui.render import render
from cloud_api.ui.words import submit_failure, submit_success
from shared.errors import PharosError, RequestError, Unavailable
from shared.jobs.kinds import Priority
from shared.jobs.payloads import EPOCHS, Content
from shared.nodes.capabilities import Needs

router = APIRouter(include_in_schema=False, route_class=PageRoute)
board_router = APIRouter(include_in_schema=False, route_class=PersonRoute)


@router.get("/")
async def show_page(
    services: TheServices,
    caller: Caller,
    added: Annotated[JobId | SkipJsonSchema[None], Query()] = None,
    again: Annotated[bool, Query()] = False,
) -> Response:
    """The whole page."""
    board = _board(services, caller)
    notice = submit_success(board.repository_of(added), again=again) if added is not None else None
    return HTMLResponse(render("page.html", board=board, plans=_plans(services), notice=notice, error=None, address=""))


@board_router.get("/ui/board")
async def show_board(request: Request, services: TheServices, caller: Caller) -> Response:
    """The part of the page that changes. Polled every 2 s: it reads memory alone, and says 304 when nothing changed."""
    content = render("board.html", board=_board(services, caller), plans=_plans(services)).encode()
    headers = {"ETag": etag_of(content), "Cache-Control": "private, no-cache"}
    if unchanged(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return HTMLResponse(content, headers=headers)


@router.post("/ui/submit")
def submit_form(
    services: TheServices,
    caller: Caller,
    repository: Annotated[str, Form()] = "",
    content: Annotated[Content, Form()] = "structure",
) -> Response:
    """Submit the repository in the box; what is wrong with it is said beside the box."""
    try:
        answer = services.submit.ingest(
            tenant=caller.tenant_id,
            address=repository,
            ref=None,
            epochs=EPOCHS,
            force=False,
            content=content,
            priority=Priority.NORMAL,
            needs=Needs(),
            idempotency=None,
        )
    except (RequestError, Unavailable) as error:
        return _refused(services, caller, error, address=repository[:500])
    return _added(answer)


@router.post("/ui/jobs/{job_id}/retry")
def retry_form(services: TheServices, caller: Caller, job_id: JobId) -> Response:
    """Run an ended job again; what stands against it is said beside the box."""
    try:
        job, _ = services.jobs.show(job_id, tenant=caller.tenant_id)
        answer = services.submit.again(job, idempotency=None)
    except (RequestError, Unavailable) as error:
        return _refused(services, caller, error, address="")
    return _added(answer)


def _added(answer: SubmitAnswer) -> Response:
    again = "" if answer.outcome == "created" else "&again=true"
    return RedirectResponse(f"/?added={answer.job.id}{again}", 303)


def _refused(services: Services, caller: Principal, error: PharosError, *, address: str) -> Response:
    page = render(
        "page.html",
        board=_board(services, caller),
        plans=_plans(services),
        notice=None,
        error=submit_failure(error),
        address=address,
    )
    return HTMLResponse(page, KNOWN[error.code].status)


def _plans(services: Services) -> PlanLine:
    return plan_line(services.usage.view())


def _board(services: Services, caller: Principal) -> BoardPage:
    return board_of(
        services.board.snapshot(),
        status=services.presence.status(),
        workers=services.workers.all(),
        why=services.reasons.look().why,
        tenant=caller.tenant_id,
        now=utc_now(),
    )
