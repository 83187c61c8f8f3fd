"""The page of a search: one answer for each time that somebody asks; nothing on it polls."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse, Response

from cloud_api.auth.gate import PageRoute
from cloud_api.http.deps import Caller, TheMeters, TheServices
from cloud_api.http.problems import KNOWN
from cloud_api.services.search.answers import Found
from cloud_api.services.search.asking import PATIENCE, Asked, question
from cloud_api.ui.found import FoundPage, found_title, hit_row
from cloud_api.ui.render import render
from shared.errors import RequestError, Unavailable
from shared.nodes.search import MOST_QUERY

router = APIRouter(include_in_schema=False, route_class=PageRoute)

#: Hits that the page shows.
_SHOWN = 20


@router.get("/ui/search")
async def show_search(
    services: TheServices, meters: TheMeters, caller: Caller, q: Annotated[str, Query()] = ""
) -> Response:
    """What a question finds; what is wrong with it is said beside the box."""
    text = q[: MOST_QUERY + 1]
    try:
        asked = Asked(tenant=caller.tenant_id, query=question(text), limit=_SHOWN, milliseconds=PATIENCE)
        found = await services.search.ask(asked)
    except (RequestError, Unavailable) as error:
        page = render("search.html", asked=text, found=None, error=error.message)
        return HTMLResponse(page, KNOWN[error.code].status)
    meters.search(source=found.source, degraded=found.degraded, timings=found.timings)
    return HTMLResponse(render("search.html", asked=text, found=_page(found), error=None))


def _page(found: Found) -> FoundPage:
    rows = [
        hit_row(
            repository=hit.repository,
            path=hit.path,
            line=hit.start,
            symbol=hit.symbol,
            kind=hit.kind,
            snippet=hit.snippet,
        )
        for hit in found.hits
    ]
    return FoundPage(title=found_title(len(rows), found.source), notes=found.notes, hits=tuple(rows))
