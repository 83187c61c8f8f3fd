"""What routes are handed: the services and the credentials' keeper of this process."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from cloud_api.auth.gate import Gate
from cloud_api.auth.principal import Principal
from cloud_api.http.meters import Meters
from cloud_api.services.bundle import Services

# These are coroutines so that FastAPI does not send each to a thread.


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def _gate(request: Request) -> Gate:
    gate: Gate = request.app.state.gate
    return gate


async def _meters(request: Request) -> Meters:
    meters: Meters = request.app.state.meters
    return meters


async def _principal(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


TheServices = Annotated[Services, Depends(_services)]
TheGate = Annotated[Gate, Depends(_gate)]
TheMeters = Annotated[Meters, Depends(_meters)]
Caller = Annotated[Principal, Depends(_principal)]
