"""Pages of lists: any well-formed cursor is valid, and the next one stands in ``meta`` and in ``Link``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from cloud_api.http.envelope import Envelope, enveloped

Item = TypeVar("Item")
Shown = TypeVar("Shown")


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
