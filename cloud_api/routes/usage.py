"""Usage: what this month has taken of the plans."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cloud_api.auth.gate import PersonRoute
from cloud_api.budget import Meter
from cloud_api.http.deps import TheServices
from cloud_api.http.envelope import Envelope, Timestamp, polled
from cloud_api.http.problems import documented
from cloud_api.routes.views import View
from cloud_api.services.search.figures import Figures
from cloud_api.usage import UsageView

router = APIRouter(prefix="/api/v1/usage", tags=["usage"], route_class=PersonRoute)

#: Seconds after which a look is worth another one.
_PACE = 60


class MeterModel(View):
    """One meter, in commands or hours, as its name says."""

    meter: Meter
    used: float
    limit: float
    share: float = Field(description="What is used of the limit; 1 is all of it.")
    forecast: float | None = Field(description="What the month comes to at this pace; null while too little is known.")
    reached_on: date | None = Field(description="When the limit is reached at this pace; null when it is not.")
    warning: str | None = Field(description="What ends when, what that means, and what to do; null while all is well.")


class SearchesModel(View):
    """How searches were answered since the control plane began."""

    answered: int
    cached: int = Field(description="From memory, in the generations that are published.")
    degraded: int = Field(description="Less than they could be: a home, a model or time was missing.")


class UsageModel(View):
    """This month (UTC) so far."""

    month: date = Field(description="Its first day.")
    since: Timestamp = Field(description="When counting began.")
    meters: list[MeterModel]
    searches: SearchesModel


@router.get(
    "",
    response_model=Envelope[UsageModel],
    responses={304: {"description": "Nothing changed."}, **documented(400, 401, 403, 405, 500)},
)
async def show_usage(request: Request, services: TheServices) -> Response:
    """Redis commands, and hours for which Postgres and the host were awake. Costs none of them."""
    return polled(request, _model(services.usage.view(), services.search.figures), retry_after=_PACE)


def _model(view: UsageView, searches: Figures) -> UsageModel:
    meters = [
        MeterModel(
            meter=one.meter,
            used=round(one.used, 2),
            limit=one.limit,
            share=round(one.share, 4),
            forecast=None if one.forecast is None else round(one.forecast, 1),
            reached_on=one.reached_on,
            warning=one.warning,
        )
        for one in view.meters
    ]
    return UsageModel(
        month=view.month, since=view.since, meters=meters, searches=SearchesModel.model_validate(searches)
    )
