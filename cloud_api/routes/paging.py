"""Pages of lists: any well-formed cursor is valid, and the next one stands in ``meta`` and in ``Link``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Protocol, TypeVar

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from cloud_api.http.envelope import Envelope, enveloped

#: Where a page of numbered things begins.
Above = Annotated[int, Query(ge=-1, le=2**31 - 1, description="What has a number above this one.")]
#: How much a page has at most.
Limit = Annotated[int, Query(ge=1, le=200)]


class Numbered(Protocol):
    """What has a number in its list."""

    @property
    def number(self) -> int:
        """Above that of what stands before it."""
        ...


Item = TypeVar("Item")
Counted = TypeVar("Counted", bound=Numbered)
Shown = TypeVar("Shown")


def numbered(
    request: Request, response: Response, items: Sequence[Counted], *, limit: int, show: Callable[[Counted], Shown]
) -> Envelope[list[Shown]]:
    """Return one page as ``paged`` does, whose cursors are the numbers of its items."""
    return paged(request, response, items, limit=limit, show=show, cursor=lambda one: str(one.number))


def paged(
    request: Request,
    response: Response,
    items: Sequence[Item],
    *,
    limit: int,
    show: Callable[[Item], Shown],
    cursor: Callable[[Item], str],
) -> Envelope[list[Shown]]:
    """Return one page of ``items``, of which one more than ``limit`` was asked for to see whether there is a next."""
    page = items[:limit]
    following = cursor(page[-1]) if len(items) > limit else None
    if following is not None:
        target = request.url.include_query_params(cursor=following)
        response.headers["Link"] = f'<{target.path}?{target.query}>; rel="next"'
    return enveloped(request, [show(item) for item in page], next_cursor=following)
