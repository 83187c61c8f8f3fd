"""Workers: what they say of themselves, and who is there."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request

from cloud_api.auth.gate import PersonRoute, WorkerRoute
from cloud_api.http.deps import TheServices
from cloud_api.http.envelope import Envelope, enveloped
from cloud_api.http.problems import documented
from cloud_api.routes.views import WorkerModel, worker_view
from shared.nodes.heartbeat import Heartbeat, Orders

router = APIRouter(prefix="/api/v1/workers", tags=["workers"], route_class=PersonRoute)
heartbeat_router = APIRouter(prefix="/api/v1/workers", tags=["workers"], route_class=WorkerRoute)


@router.get("", responses=documented(400, 401, 403, 405, 500))
async def list_workers(request: Request, services: TheServices) -> Envelope[list[WorkerModel]]:
    """Every worker that was heard in the last day."""
    return enveloped(request, [worker_view(worker) for worker in services.presence.workers()])


@heartbeat_router.post("/heartbeat", responses=documented(400, 401, 403, 405, 413, 422, 500))
async def hear_heartbeat(request: Request, services: TheServices, heartbeat: Heartbeat) -> Envelope[Orders]:
    """Take in what a worker says of itself and answer with its orders."""
    return enveloped(request, await services.heartbeats.hear(heartbeat))
