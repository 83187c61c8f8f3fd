"""Submitting a repository, and the two answers that people look at: the worker's status and the history."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request

from cloud_api.auth.gate import PersonRoute
from cloud_api.http.deps import Caller, TheServices
from cloud_api.http.envelope import Envelope, enveloped, polled
from cloud_api.http.problems import documented
from cloud_api.http.quick import QuickPersonRoute
from cloud_api.routes.submission import (
    IdempotencyKey,
    IngestRequest,
    PriorityWord,
    accepted,
    idempotency,
    submit_ingest,
)
from cloud_api.routes.views import AcceptedView, HistoryModel, WorkerStatusView, job_view
from shared.errors import InvalidRepository
from shared.jobs.payloads import EPOCHS, Content, Method, Preset, Ref

router = APIRouter(prefix="/api/v1/ingestion", tags=["ingestion"], route_class=PersonRoute)
submit_router = APIRouter(prefix="/api/v1/ingestion", tags=["ingestion"], route_class=QuickPersonRoute)

_FAILURES = documented(400, 401, 403, 405, 409, 413, 422, 429, 500, 503)
_LOOKS = documented(400, 401, 403, 405, 422, 500, 503)
_LIST = r"^((generated|minified|vendored)(,(generated|minified|vendored)){0,9})?$"
_TICKING = frozenset({"seen_seconds_ago"})


@router.get(
    "/worker/status",
    response_model=Envelope[WorkerStatusView],
    responses={304: {"description": "Nothing changed."}, **_LOOKS},
)
async def show_worker_status(request: Request, services: TheServices) -> Response:
    """What the worker does now. Costs neither Redis nor Postgres, so it may be asked every 2 s."""
    view = WorkerStatusView.model_validate(services.presence.status())
    return polled(request, view, ticking=_TICKING, retry_after=2)


@router.get("/jobs/history", responses=_LOOKS)
def show_history(
    request: Request, services: TheServices, caller: Caller, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> Envelope[HistoryModel]:
    """The jobs that ended last, newest first, with success, error and skip rate, mean duration and jobs an hour."""
    history = services.history.last(tenant=caller.tenant_id, limit=limit)
    model = HistoryModel(
        jobs=[job_view(job) for job in history.jobs],
        success_rate=history.success_rate,
        error_rate=history.error_rate,
        skip_rate=history.skip_rate,
        mean_seconds=history.mean_seconds,
        jobs_per_hour=history.jobs_per_hour,
    )
    return enveloped(request, model)


@submit_router.post("/ingest", status_code=202, responses=_FAILURES)
async def submit_body(
    *,
    request: Request,
    response: Response,
    services: TheServices,
    caller: Caller,
    asked: IngestRequest,
    key: IdempotencyKey = None,
) -> Envelope[AcceptedView]:
    """Index a repository. The same work already waiting is not queued twice."""
    answer = await submit_ingest(services, caller, asked, asked, idempotency(request, caller, key, asked))
    return accepted(request, response, answer, reasons=services.reasons)


@router.post(
    "/ingest/{repo_url:path}",
    status_code=202,
    responses=_FAILURES,
)
async def submit_path(
    *,
    request: Request,
    response: Response,
    services: TheServices,
    caller: Caller,
    repo_url: Annotated[str, Path(json_schema_extra={"format": "repo-url"})],
    ref: Annotated[Ref | SkipJsonSchema[None], Query(description="Branch, tag or commit.")] = None,
    epochs: Annotated[int, Query(ge=1, le=100)] = EPOCHS,
    preset: Preset = "balanced",
    method: Method = "node2vec",
    include: Annotated[str, Query(pattern=_LIST, description="As in a body, with commas between.")] = "",
    force: bool = False,
    content: Content = "structure",
    priority: PriorityWord = "normal",
    key: IdempotencyKey = None,
) -> Envelope[AcceptedView]:
    """Index the repository whose address is the rest of the path, slashes and all, percent-encoded or not."""
    if not 1 <= len(repo_url) <= 500:
        raise InvalidRepository("The address of a repository has 1 to 500 characters. Nothing was queued.")
    given = {"url": repo_url, "ref": ref, "epochs": epochs, "preset": preset, "method": method, "force": force}
    words = include.split(",") if include else []
    asked = IngestRequest.model_validate({**given, "include": words, "content": content, "priority": priority})
    answer = await submit_ingest(services, caller, asked, asked, idempotency(request, caller, key, asked))
    return accepted(request, response, answer, reasons=services.reasons)
