"""Submitting, listing, showing, cancelling and retrying jobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import StringConstraints
from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request

from cloud_api.auth.gate import PersonRoute
from cloud_api.http.deps import Caller, TheServices
from cloud_api.http.envelope import Envelope, enveloped, polled
from cloud_api.http.problems import documented
from cloud_api.routes.paging import Limit, paged
from cloud_api.routes.submission import IdempotencyKey, JobRequest, accepted, idempotency, submit_ingest
from cloud_api.routes.views import AcceptedView, JobId, JobView, job_view
from shared.ids import JOB_ID_PATTERN
from shared.jobs.kinds import Kind
from shared.jobs.states import State

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"], route_class=PersonRoute)

_LIST = documented(400, 401, 403, 405, 422, 500, 503)
_ONE = documented(400, 401, 403, 404, 405, 422, 500, 503)
_SUBMIT = documented(400, 401, 403, 405, 409, 413, 422, 429, 500, 503)
_AGAIN = documented(400, 401, 403, 404, 405, 409, 422, 429, 500, 503)
#: Seconds after which it is worth asking again.
_RETRY = {State.QUEUED: 5, State.RUNNING: 2}
#: What changes with every look at a job.
_TICKING = {"waiting": frozenset({"eta_seconds"})}


@router.get("", responses=_LIST)
def list_jobs(
    *,
    request: Request,
    response: Response,
    services: TheServices,
    caller: Caller,
    state: Annotated[State | SkipJsonSchema[None], Query()] = None,
    kind: Annotated[Kind | SkipJsonSchema[None], Query()] = None,
    cursor: Annotated[
        Annotated[str, StringConstraints(pattern=JOB_ID_PATTERN)] | SkipJsonSchema[None],
        Query(description="Jobs older than this one. Ids sort by time, so any well-formed id is a valid cursor."),
    ] = None,
    limit: Limit = 50,
) -> Envelope[list[JobView]]:
    """Jobs, newest first."""
    jobs = services.jobs.page(tenant=caller.tenant_id, state=state, kind=kind, before=cursor, limit=limit + 1)
    look = services.reasons.look(jobs)
    return paged(
        request,
        response,
        jobs,
        limit=limit,
        show=lambda job: job_view(job, presence=services.presence, waiting=look.why(job)),
        cursor=lambda job: job.id,
    )


@router.post("", status_code=202, responses=_SUBMIT)
async def submit_job(
    *,
    request: Request,
    response: Response,
    services: TheServices,
    caller: Caller,
    asked: JobRequest,
    key: IdempotencyKey = None,
) -> Envelope[AcceptedView]:
    """Submit a job of any kind, with what it needs and how urgent it is. The same work waiting is not queued twice."""
    answer = await submit_ingest(services, caller, asked.payload, asked, idempotency(request, caller, key, asked))
    return accepted(request, response, answer, reasons=services.reasons)


@router.get("/{job_id}", response_model=Envelope[JobView], responses={304: {"description": "Nothing changed."}, **_ONE})
def show_job(request: Request, services: TheServices, caller: Caller, job_id: JobId) -> Response:
    """One job: why it waits and its place in the queue, its stage while it runs, its result when it has ended."""
    job, position = services.jobs.show(job_id, tenant=caller.tenant_id)
    waiting = services.reasons.why(job, position=position)
    view = job_view(job, position=position, presence=services.presence, waiting=waiting)
    return polled(request, view, ticking=_TICKING, retry_after=_RETRY.get(job.state))


@router.delete("/{job_id}", responses=_ONE)
def cancel_job(request: Request, services: TheServices, caller: Caller, job_id: JobId) -> Envelope[JobView]:
    """Cancel: a waiting job ends at once, a running one at its next border. An ended one is returned as it is."""
    job = services.jobs.cancel(job_id, tenant=caller.tenant_id)
    waiting = services.reasons.look((job,)).why(job)
    return enveloped(request, job_view(job, presence=services.presence, waiting=waiting))


@router.post("/{job_id}/retry", status_code=202, responses=_AGAIN)
def retry_job(
    *,
    request: Request,
    response: Response,
    services: TheServices,
    caller: Caller,
    job_id: JobId,
    key: IdempotencyKey = None,
) -> Envelope[AcceptedView]:
    """Run an ended job again, as a new one. One that succeeded is forced: its commit is published already."""
    job, _ = services.jobs.show(job_id, tenant=caller.tenant_id)
    answer = services.submit.again(job, idempotency=idempotency(request, caller, key))
    return accepted(request, response, answer, reasons=services.reasons, retry_of=job.id)
