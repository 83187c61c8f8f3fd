"""What was learned: repositories, their files, what is like a file, and what depends on it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import StringConstraints
from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request

from cloud_api.auth.gate import PersonRoute
from cloud_api.http.deps import Caller, TheServices
from cloud_api.http.envelope import Envelope, enveloped
from cloud_api.http.problems import documented
from cloud_api.routes.paging import Above, Limit, numbered, paged
from cloud_api.routes.submission import accepted
from cloud_api.routes.views import (
    AcceptedView,
    FilePath,
    FileView,
    LikenessView,
    ReachedView,
    RepositoryId,
    RepositoryView,
    SimilarView,
)
from cloud_api.services.repositories import why_unlike

router = APIRouter(prefix="/api/v1/repositories", tags=["repositories"], route_class=PersonRoute)

_LIST = documented(400, 401, 403, 405, 422, 500, 503)
_ONE = documented(400, 401, 403, 404, 405, 422, 500, 503)
_REMOVAL = documented(400, 401, 403, 404, 405, 422, 429, 500, 503)

_Name = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,500}$")]
_Depth = Annotated[int, Query(ge=1, le=50, description="How many imports away at most.")]
_Most = Annotated[int, Query(ge=1, le=1000)]


@router.get("", responses=_LIST)
def list_repositories(
    *,
    request: Request,
    response: Response,
    services: TheServices,
    caller: Caller,
    cursor: Annotated[_Name | SkipJsonSchema[None], Query(description="Names that come after this one.")] = None,
    limit: Limit = 50,
) -> Envelope[list[RepositoryView]]:
    """Indexed repositories by name."""
    found = services.repositories.page(tenant=caller.tenant_id, after=cursor, limit=limit + 1)
    return paged(request, response, found, limit=limit, show=RepositoryView.model_validate, cursor=lambda one: one.name)


@router.get("/{repository_id}", responses=_ONE)
def show_repository(
    request: Request, services: TheServices, caller: Caller, repository_id: RepositoryId
) -> Envelope[RepositoryView]:
    """One repository as it was last indexed."""
    found = services.repositories.show(repository_id, tenant=caller.tenant_id)
    return enveloped(request, RepositoryView.model_validate(found))


@router.delete("/{repository_id}", status_code=202, responses=_REMOVAL)
def remove_repository(
    request: Request, response: Response, services: TheServices, caller: Caller, repository_id: RepositoryId
) -> Envelope[AcceptedView]:
    """Remove a repository: it is gone from every answer at once, and a job takes its vectors."""
    answer = services.submit.remove(repository_id, tenant=caller.tenant_id)
    return accepted(request, response, answer, reasons=services.reasons)


@router.get("/{repository_id}/files", responses=_ONE)
def list_files(
    *,
    request: Request,
    response: Response,
    services: TheServices,
    caller: Caller,
    repository_id: RepositoryId,
    cursor: Above = -1,
    limit: Limit = 50,
) -> Envelope[list[FileView]]:
    """The source files of a repository."""
    found = services.repositories.files(repository_id, tenant=caller.tenant_id, after=cursor, limit=limit + 1)
    return numbered(request, response, found, limit=limit, show=FileView.model_validate)


@router.get("/{repository_id}/similar", responses=_ONE)
def show_similar(
    *,
    request: Request,
    services: TheServices,
    caller: Caller,
    repository_id: RepositoryId,
    path: FilePath,
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> Envelope[SimilarView]:
    """The files most like one file by their place in the import graph, best first; works while every worker sleeps."""
    file, similar = services.repositories.similar(repository_id, tenant=caller.tenant_id, path=path, limit=limit)
    likenesses = [LikenessView.model_validate(one) for one in similar]
    unlike = None if similar else why_unlike(file)
    return enveloped(request, SimilarView(file=FileView.model_validate(file), similar=likenesses, unlike=unlike))


@router.get("/{repository_id}/dependents", responses=_ONE)
def list_dependents(
    *,
    request: Request,
    services: TheServices,
    caller: Caller,
    repository_id: RepositoryId,
    path: FilePath,
    depth: _Depth = 1,
    limit: _Most = 200,
) -> Envelope[list[ReachedView]]:
    """The files that import one file, directly or within ``depth`` steps, nearest first."""
    found = services.repositories.dependents(
        repository_id, tenant=caller.tenant_id, path=path, depth=depth, limit=limit
    )
    return enveloped(request, [ReachedView.model_validate(one) for one in found])


@router.get("/{repository_id}/dependencies", responses=_ONE)
def list_dependencies(
    *,
    request: Request,
    services: TheServices,
    caller: Caller,
    repository_id: RepositoryId,
    path: FilePath,
    depth: _Depth = 1,
    limit: _Most = 200,
) -> Envelope[list[ReachedView]]:
    """The files that one file imports, directly or within ``depth`` steps, nearest first."""
    found = services.repositories.dependencies(
        repository_id, tenant=caller.tenant_id, path=path, depth=depth, limit=limit
    )
    return enveloped(request, [ReachedView.model_validate(one) for one in found])
