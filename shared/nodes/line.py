"""What travels on a worker's line: events down a held stream, acknowledgements and answers up by POST.

Down (server-sent events; the event's name is the first word here, its data one JSON object):

``hello``    ``Hello``    first, at once; acknowledged by its id, which shows that the way down and up is free
``ping``     ``{}``       every 15 s; nothing for 40 s means that the line is dead
``orders``   ``Orders``   the same that heartbeat answers carry
``request``  ``Request``  somebody waits: acknowledge at once, answer before its time is over
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

#: Where a worker holds its line, acknowledges, and answers.
LINE_PATH = "/api/v1/workers/line"
ACKNOWLEDGEMENTS_PATH = f"{LINE_PATH}/acknowledgements"
ANSWERS_PATH = f"{LINE_PATH}/answers"

#: Bytes of JSON that a request or an answer may have.
MAX_BODY = 900_000

MessageId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16,32}$")]
WorkerId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,63}\.[0-9a-f]{12}$")]

#: What can be asked over the line. A new one is a word here and a handler in the worker.
RequestKind = Literal["echo", "changes", "search"]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Hello(_Message):
    """The first event of a line."""

    id: MessageId
    #: The plane's start number; a worker follows the newest.
    epoch: int
    #: Seconds between two pings.
    ping: float


class Request(_Message):
    """Work for somebody who is waiting."""

    id: MessageId
    kind: RequestKind
    #: Milliseconds that are left until nobody waits any more.
    milliseconds: int = Field(ge=0)
    body: dict[str, Any]


class Acknowledgement(_Message):
    """A hello or a request arrived."""

    worker: WorkerId
    id: MessageId


class Answer(_Message):
    """What became of a request: a body, or why there is none."""

    worker: WorkerId
    id: MessageId
    body: dict[str, Any] | None = None
    error: Annotated[str, StringConstraints(max_length=500)] | None = None
    #: There is none because of what this worker lacks or does: another may well have one.
    elsewhere: bool = False
    #: There is none because what was asked about does not exist: no other has one either.
    missing: bool = False
