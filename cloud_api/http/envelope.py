"""The envelope of every success, and the conditional answers of what is polled."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, Field, PlainSerializer
from starlette.requests import Request
from starlette.responses import Response

from cloud_api.http.clock import utc_now

T = TypeVar("T")
#: Names of fields, or for a field the names of its own.
Ticking = frozenset[str] | Mapping[str, frozenset[str]]


def _zulu(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


Timestamp = Annotated[datetime, PlainSerializer(_zulu, return_type=str)]


class Meta(BaseModel):
    """What is said about an answer rather than in it."""

    request_id: str = Field(description="Stands in every log line of this request.")
    timestamp: Timestamp
    next_cursor: str | None = Field(default=None, description="Give it as 'cursor' for the next page.")


class Envelope(BaseModel, Generic[T]):
    """A success."""

    success: Literal[True] = True
    data: T
    meta: Meta
    error: None = None


def meta_of(request: Request, next_cursor: str | None = None) -> Meta:
    """Return the ``meta`` of an answer to ``request``."""
    return Meta(request_id=request.state.request_id, timestamp=utc_now(), next_cursor=next_cursor)


def enveloped(request: Request, data: T, *, next_cursor: str | None = None) -> Envelope[T]:
    """Return ``data`` in the envelope of an answer to ``request``."""
    return Envelope[T](data=data, meta=meta_of(request, next_cursor))


def etag_of(content: bytes) -> str:
    """Return a weak entity tag (RFC 9110 §8.8.3) of ``content``."""
    return f'W/"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def unchanged(request: Request, etag: str) -> bool:
    """Return whether the caller holds what ``etag`` names already (``If-None-Match``)."""
    given = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    return "*" in given or etag.removeprefix("W/") in given


def polled(
    request: Request, data: BaseModel, *, ticking: Ticking = frozenset(), retry_after: int | None = None
) -> Response:
    """Return ``data`` in its envelope with an ``ETag``, or 304 when the caller holds it already.

    Fields named in ``ticking``, or fields of a field, change with every look and are left out of the tag.
    ``retry_after`` is in seconds.
    """
    left_out: dict[str, set[str] | bool] = dict.fromkeys(ticking, True)
    if isinstance(ticking, Mapping):
        left_out |= {name: set(own) for name, own in ticking.items()}
    etag = etag_of(data.model_dump_json(exclude=left_out).encode())
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    body = Envelope[BaseModel](data=data, meta=meta_of(request)).model_dump_json(serialize_as_any=True)
    return Response(body, media_type="application/json", headers=headers)
