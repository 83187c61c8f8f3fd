"""The line: workers hold it, acknowledge and answer; people have a text echoed over it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from cloud_api.auth.gate import WorkerRoute
from cloud_api.http.deps import TheServices
from cloud_api.http.envelope import Envelope, enveloped
from cloud_api.http.problems import documented
from cloud_api.http.quick import QuickPersonRoute, QuickWorkerRoute
from cloud_api.http.stream import STREAM_TYPE, LineStream, while_there
from shared.errors import InvalidRequest
from shared.nodes.line import MAX_BODY, Acknowledgement, Answer, MessageId, WorkerId

router = APIRouter(prefix="/api/v1/workers", tags=["workers"], route_class=QuickPersonRoute)
worker_router = APIRouter(prefix="/api/v1/workers/line", tags=["line"], route_class=QuickWorkerRoute)
hold_router = APIRouter(prefix="/api/v1/workers/line", tags=["line"], route_class=WorkerRoute)

_TAKES = documented(400, 401, 403, 405, 409, 413, 422, 500)
_ASKS = documented(400, 401, 403, 404, 405, 413, 422, 500, 503, 504)
Whom = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9-]{1,63}(\.[0-9a-f]{12})?$"),
    Path(description="A worker's id, or the name of its node."),
]


class Taken(BaseModel):
    """What was taken in."""

    id: MessageId


class EchoRequest(BaseModel):
    """A text for a worker to say again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: Annotated[str, StringConstraints(max_length=200)] = "ping"
    seconds: Annotated[float, Field(ge=0.1, le=30)] = 5.0


class EchoView(BaseModel):
    """A text that came back over a line."""

    model_config = ConfigDict(from_attributes=True)

    worker: str
    node: str
    hops: int = Field(
        description="How often the request was handed on: 0 when the first worker that was asked answered."
    )
    round_trip_ms: float = Field(description="From asking the worker that answered to its answer.")
    text: str


@hold_router.get(
    "",
    response_class=Response,
    responses={200: {"content": {STREAM_TYPE: {}}}, **documented(400, 401, 403, 405, 422, 500, 503)},
)
async def hold_line(services: TheServices, worker: Annotated[WorkerId, Query()]) -> LineStream:
    """Hold a worker's line: server-sent events ``hello``, ``ping``, ``orders``, ``request``, as long as it stays."""
    line = services.line
    line.check_room(worker)
    return LineStream(lambda: line.hold(worker))


@worker_router.post("/acknowledgements", responses=_TAKES)
async def take_acknowledgement(
    request: Request, services: TheServices, acknowledgement: Acknowledgement
) -> Envelope[Taken]:
    """Take in that a hello or a request arrived; 409 when that line or that request is over."""
    services.line.acknowledge(acknowledgement)
    return enveloped(request, Taken(id=acknowledgement.id))


@worker_router.post("/answers", responses=_TAKES)
async def take_answer(request: Request, services: TheServices, answer: Answer) -> Envelope[Taken]:
    """Take in an answer; 409 when nobody waits for it any more, or this worker was not asked."""
    if len(await request.body()) > MAX_BODY:
        raise InvalidRequest(
            f"An answer may have {MAX_BODY} bytes. It was not passed on; answer with an error instead."
        )
    services.line.answer(answer)
    return enveloped(request, Taken(id=answer.id))


@router.post("/echo", responses=_ASKS)
async def echo(request: Request, services: TheServices, wanted: EchoRequest) -> Envelope[EchoView]:
    """Have the least loaded worker say a text again, over its line: shows that lines work, and how fast."""
    return await _echo(request, services, wanted, None)


@router.post("/{name}/echo", responses=_ASKS)
async def echo_of_one(request: Request, services: TheServices, name: Whom, wanted: EchoRequest) -> Envelope[EchoView]:
    """Have one worker say a text again, over its line."""
    return await _echo(request, services, wanted, name)


async def _echo(request: Request, services: TheServices, wanted: EchoRequest, whom: str | None) -> Envelope[EchoView]:
    work = services.line.echo(wanted.text, seconds=wanted.seconds, whom=whom)
    return enveloped(request, EchoView.model_validate(await while_there(request, work)))
