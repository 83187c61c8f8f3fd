"""Search: questions about the text of repositories."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request

from cloud_api.auth.gate import PersonRoute
from cloud_api.auth.principal import Principal
from cloud_api.http.deps import Caller, TheMeters, TheServices
from cloud_api.http.envelope import Envelope, enveloped
from cloud_api.http.meters import Meters
from cloud_api.http.problems import documented
from cloud_api.routes import search_views as views
from cloud_api.routes.search_views import SearchBody, SearchView, search_view, server_timing
from cloud_api.services.bundle import Services
from cloud_api.services.search.asking import DEADLINE, LONGEST, SHORTEST
from shared.nodes.search import Kind

router = APIRouter(prefix="/api/v1/search", tags=["search"], route_class=PersonRoute)

_ASKS = documented(400, 401, 403, 404, 405, 413, 422, 500, 503)
Deadline = Annotated[
    int,
    Header(
        alias="X-Deadline-Ms",
        ge=SHORTEST,
        le=LONGEST,
        description="Milliseconds that somebody waits; what is known by then is answered.",
    ),
]


@router.post("", responses=_ASKS)
async def search(
    *,
    request: Request,
    response: Response,
    services: TheServices,
    meters: TheMeters,
    caller: Caller,
    asked: SearchBody,
    deadline: Deadline = DEADLINE,
) -> Envelope[SearchView]:
    """Find what a question means in the text of repositories, best first.

    Who has the text answers: workers at home. While they are away, an earlier answer does, or names alone; ``source``,
    ``degraded`` and ``notes`` say so.
    """
    shown = await _answer(asked, deadline, caller=caller, services=services, meters=meters, response=response)
    return enveloped(request, shown)


@router.get("", responses=_ASKS)
async def search_by_address(
    *,
    request: Request,
    response: Response,
    services: TheServices,
    meters: TheMeters,
    caller: Caller,
    q: Annotated[views.Query, Query(description="What to find: a sentence, words, or names.")],
    repository: Annotated[views.Named | SkipJsonSchema[None], Query(description="By id or name; else all.")] = None,
    path: Annotated[views.Prefix, Query(description="What the path begins with.")] = "",
    language: views.Language | SkipJsonSchema[None] = None,
    kind: Kind | SkipJsonSchema[None] = None,
    limit: views.Most = 10,
    group: views.Group = "none",
    deadline: Deadline = DEADLINE,
) -> Envelope[SearchView]:
    """The same as an address, of one repository, language and kind, or of all."""
    asked = SearchBody(
        query=q,
        repositories=[repository] if repository is not None else [],
        path=path,
        languages=[language] if language is not None else [],
        kinds=[kind] if kind is not None else [],
        limit=limit,
        group=group,
    )
    shown = await _answer(asked, deadline, caller=caller, services=services, meters=meters, response=response)
    return enveloped(request, shown)


async def _answer(
    asked: SearchBody, deadline: int, *, caller: Principal, services: Services, meters: Meters, response: Response
) -> SearchView:
    found = await services.search.ask(asked.asked(tenant=caller.tenant_id, milliseconds=deadline))
    meters.search(source=found.source, degraded=found.degraded, timings=found.timings)
    response.headers["Server-Timing"] = server_timing(found)
    if found.source == "stale":
        response.headers["X-Pharos-Stale"] = "1"
    return search_view(found, limit=asked.limit, group=asked.group)
