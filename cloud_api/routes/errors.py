"""What each error code means: the pages that ``type`` leads to."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import HTMLResponse, Response

from cloud_api.http.problems import KNOWN
from cloud_api.ui.render import render
from shared.errors import NotFound

open_router = APIRouter(include_in_schema=False)


@open_router.get("/errors/{name}")
async def show_error(name: Annotated[str, Path(max_length=60)]) -> Response:
    """What one code means and what to do about it."""
    code = name.upper().replace("-", "_")
    if code not in KNOWN:
        raise NotFound("There is no error of that name.")
    return HTMLResponse(render("error.html", code=code, known=KNOWN[code]))
