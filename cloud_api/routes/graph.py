"""How a repository's graph is built, why one file depends on another, and what a change touches."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from cloud_api.auth.gate import PersonRoute
from cloud_api.http.deps import Caller, TheServices
from cloud_api.http.envelope import Envelope, enveloped
from cloud_api.http.problems import documented
from cloud_api.routes.graph_views import (
    ChangesBody,
    CommitsBody,
    CommunityView,
    CycleView,
    ImpactView,
    ImportView,
    UnresolvedView,
    WayView,
)
from cloud_api.routes.paging import Above, Limit, numbered
from cloud_api.routes.views import FilePath, FileView, RepositoryId
from shared.ledger.graph import Measure

router = APIRouter(prefix="/api/v1/repositories/{repository_id}", tags=["graph"], route_class=PersonRoute)

_ONE = documented(400, 401, 403, 404, 405, 422, 500, 503)
_IMPACT = documented(400, 401, 403, 404, 405, 413, 422, 500, 503, 504)


@router.get("/paths", responses=_ONE)
def list_paths(
    *,
    request: Request,
    services: TheServices,
    caller: Caller,
    repository_id: RepositoryId,
    source: FilePath,
    target: FilePath,
    depth: Annotated[int, Query(ge=1, le=50, description="How many imports a path has at most.")] = 20,
    limit: Annotated[int, Query(ge=1, le=20)] = 5,
) -> Envelope[list[WayView]]:
    """Why ``source`` depends on ``target``: a few of the shortest import paths; none when it does not.

    With the same file twice they lead in a circle; none when it is in no import cycle.
    """
    found = services.graph.ways(
        repository_id, tenant=caller.tenant_id, source=source, target=target, depth=depth, limit=limit
    )
    ways = [WayView(steps=[ImportView.model_validate(step) for step in way]) for way in found]
    return enveloped(request, ways)


@router.get("/cycles", responses=_ONE)
def list_cycles(
    *,
    request: Request,
    response: Response,
    services: TheServices,
    caller: Caller,
    repository_id: RepositoryId,
    cursor: Above = -1,
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
) -> Envelope[list[CycleView]]:
    """Import cycles, the largest first, each with few imports whose removal breaks it."""
    found = services.graph.cycles(repository_id, tenant=caller.tenant_id, after=cursor, limit=limit + 1)
    return numbered(request, response, found, limit=limit, show=CycleView.model_validate)


@router.get("/orphans", responses=_ONE)
def list_orphans(
    *,
    request: Request,
    response: Response,
    services: TheServices,
    caller: Caller,
    repository_id: RepositoryId,
    cursor: Above = -1,
    limit: Limit = 50,
) -> Envelope[list[FileView]]:
    """Files that nothing imports, and that neither name nor place marks as started by something else."""
    found = services.graph.orphans(repository_id, tenant=caller.tenant_id, after=cursor, limit=limit + 1)
    return numbered(request, response, found, limit=limit, show=FileView.model_validate)


@router.get("/central", responses=_ONE)
def list_central(
    *,
    request: Request,
    services: TheServices,
    caller: Caller,
    repository_id: RepositoryId,
    by: Annotated[Measure, Query(description="PageRank along imports, or the number of importers.")] = "rank",
    limit: Limit = 20,
) -> Envelope[list[FileView]]:
    """The files on which most rests."""
    found = services.graph.central(repository_id, tenant=caller.tenant_id, by=by, limit=limit)
    return enveloped(request, [FileView.model_validate(one) for one in found])


@router.get("/communities", responses=_ONE)
def list_communities(
    *,
    request: Request,
    response: Response,
    services: TheServices,
    caller: Caller,
    repository_id: RepositoryId,
    cursor: Above = -1,
    limit: Limit = 50,
) -> Envelope[list[CommunityView]]:
    """Files that import each other more than others, the largest community first."""
    found = services.graph.communities(repository_id, tenant=caller.tenant_id, after=cursor, limit=limit + 1)
    return numbered(request, response, found, limit=limit, show=CommunityView.model_validate)


@router.get("/communities/{community}/files", responses=_ONE)
def list_members(
    *,
    request: Request,
    response: Response,
    services: TheServices,
    caller: Caller,
    repository_id: RepositoryId,
    community: Annotated[int, Path(ge=0, le=2**31 - 1)],
    cursor: Above = -1,
    limit: Limit = 50,
) -> Envelope[list[FileView]]:
    """The files of one community."""
    found = services.graph.members(repository_id, community, tenant=caller.tenant_id, after=cursor, limit=limit + 1)
    return numbered(request, response, found, limit=limit, show=FileView.model_validate)


@router.get("/unresolved", responses=_ONE)
def list_unresolved(
    *,
    request: Request,
    response: Response,
    services: TheServices,
    caller: Caller,
    repository_id: RepositoryId,
    cursor: Above = -1,
    limit: Limit = 50,
) -> Envelope[list[UnresolvedView]]:
    """Imports that mean something of the repository which was not found: 5,000 are kept, ``stats`` has their number."""
    found = services.graph.unresolved(repository_id, tenant=caller.tenant_id, after=cursor, limit=limit + 1)
    return numbered(request, response, found, limit=limit, show=UnresolvedView.model_validate)


@router.post("/impact", responses=_IMPACT)
async def judge_impact(
    *,
    request: Request,
    services: TheServices,
    caller: Caller,
    repository_id: RepositoryId,
    asked: ChangesBody | CommitsBody,
) -> Envelope[ImpactView]:
    """What a change touches: tests and other files by how likely it is, and the imports that it breaks.

    With changed files it is answered from the ledger. Two commits are compared by a worker, which must hold a line.
    """
    if isinstance(asked, CommitsBody):
        changes = await services.comparing.changes(
            repository_id, tenant=caller.tenant_id, base=asked.base, head=asked.head, seconds=asked.seconds
        )
    else:
        changes = [one.change() for one in asked.changes]
    found = await run_in_threadpool(
        services.impacts.of, repository_id, changes, tenant=caller.tenant_id, depth=asked.depth, limit=asked.limit
    )
    return enveloped(request, ImpactView.model_validate(found))
