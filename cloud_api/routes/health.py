"""How the control plane is: from memory for anybody, by asking for those with a token."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from cloud_api.auth.gate import PersonRoute
from cloud_api.http.deps import TheMeters, TheServices
from cloud_api.http.envelope import Envelope, enveloped
from cloud_api.http.meters import METRICS_TYPE
from cloud_api.http.problems import documented
from cloud_api.routes.views import HealthModel, health_view
from shared.errors import Unavailable

open_router = APIRouter(tags=["health"])
router = APIRouter(tags=["health"], route_class=PersonRoute)


@open_router.get("/health", responses=documented(400, 405, 500))
async def show_health(request: Request, services: TheServices) -> Envelope[HealthModel]:
    """What is known of Postgres, Redis and Qdrant, and how old that knowledge is. Nothing is asked; always 200."""
    return enveloped(request, health_view(services.health.now()))


@router.get("/health/ready", responses=documented(400, 401, 403, 405, 500, 503))
def show_ready(request: Request, services: TheServices) -> Envelope[HealthModel]:
    """Ask Postgres, Redis and Qdrant (the answer is good for 30 s); 503 when no job can be recorded."""
    health = services.health.ready()
    if health.status == "down":
        states = {name: part.state for name, part in health.parts.items()}
        raise Unavailable("No job can be recorded at present. Nothing that was recorded is lost.", **states)
    return enveloped(request, health_view(health))


@router.get(
    "/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}, **documented(401, 403)}
)
def show_metrics(meters: TheMeters) -> Response:
    """The figures of this process in Prometheus' exposition format."""
    return Response(meters.text(), media_type=METRICS_TYPE)
