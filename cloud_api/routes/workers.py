"""Workers: what they say of themselves, who is there, and who is to pause."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request

from cloud_api.auth.gate import PersonRoute, WorkerRoute
from cloud_api.http.deps import Caller, TheServices
from cloud_api.http.envelope import Envelope, enveloped
from cloud_api.http.problems import documented
from cloud_api.routes.worker_views import (
    DutyBody,
    DutyRequest,
    DutyView,
    ResumeBody,
    ResumeRequest,
    WorkerDetailModel,
    WorkerModel,
    WorkerName,
    detail_view,
    duty_view,
    worker_view,
)
from shared.nodes.heartbeat import Heartbeat, Orders

router = APIRouter(prefix="/api/v1/workers", tags=["workers"], route_class=PersonRoute)
heartbeat_router = APIRouter(prefix="/api/v1/workers", tags=["workers"], route_class=WorkerRoute)

_ORDER = documented(400, 401, 403, 404, 405, 413, 422, 500)


@router.get("", responses=documented(400, 401, 403, 405, 500))
async def list_workers(request: Request, services: TheServices) -> Envelope[list[WorkerModel]]:
    """Every worker that was heard in the last day."""
    return enveloped(request, [worker_view(worker) for worker in services.workers.all()])


@router.get("/{worker}", responses=documented(400, 401, 403, 404, 405, 422, 500))
async def show_worker(
    request: Request, services: TheServices, caller: Caller, worker: WorkerName
) -> Envelope[WorkerDetailModel]:
    """One worker by its node's name or its own id: everything known of it, and the waiting jobs that it could take."""
    return enveloped(request, detail_view(services.workers.show(worker, tenant=caller.tenant_id)))


@router.post("/{worker}/pause", status_code=202, responses=_ORDER)
async def pause_worker(
    *, request: Request, services: TheServices, caller: Caller, worker: WorkerName, asked: DutyBody = None
) -> Envelope[DutyView]:
    """Have a worker take no jobs and give back what it runs, uncounted; kept by the worker over restarts."""
    asked = asked or DutyRequest()
    done = services.workers.order(worker, "paused", note=asked.note, seconds=asked.length, by=caller.name)
    return enveloped(request, duty_view(done))


@router.post("/{worker}/drain", status_code=202, responses=_ORDER)
async def drain_worker(
    *, request: Request, services: TheServices, caller: Caller, worker: WorkerName, asked: DutyBody = None
) -> Envelope[DutyView]:
    """Have a worker take no further jobs and end what it runs; kept by the worker over restarts."""
    asked = asked or DutyRequest()
    done = services.workers.order(worker, "draining", note=asked.note, seconds=asked.length, by=caller.name)
    return enveloped(request, duty_view(done))


@router.post("/{worker}/resume", status_code=202, responses=_ORDER)
async def resume_worker(
    *, request: Request, services: TheServices, caller: Caller, worker: WorkerName, asked: ResumeBody = None
) -> Envelope[DutyView]:
    """Have a worker take jobs again."""
    asked = asked or ResumeRequest()
    done = services.workers.order(worker, "open", note=asked.note, seconds=None, by=caller.name)
    return enveloped(request, duty_view(done))


@heartbeat_router.post("/heartbeat", responses=documented(400, 401, 403, 405, 413, 422, 500))
async def hear_heartbeat(request: Request, services: TheServices, heartbeat: Heartbeat) -> Envelope[Orders]:
    """Take in what a worker says of itself and answer with its orders."""
    return enveloped(request, await services.heartbeats.hear(heartbeat))
