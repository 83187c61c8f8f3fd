"""The last copy of presence and of what is wanted of workers: one key in Redis, written at shutdown and at most every
ten minutes when it changed."""

from __future__ import annotations

import time
from collections.abc import Callable

from pydantic import BaseModel, ValidationError

from cloud_api.delivery import Delivery
from cloud_api.duties import Duties, Wish
from cloud_api.presence import Presence
from shared.logs import get_logger
from shared.nodes.heartbeat import Heartbeat

log = get_logger(__name__)

_NAME = "presence"
#: Seconds between two writes.
EVERY = 600.0


class _Said(BaseModel):
    heartbeat: Heartbeat
    at: float


class _Page(BaseModel):
    at: float
    said: list[_Said]
    wishes: list[Wish]


class Keepsake:
    """A restart shows who was there, until everybody has spoken again, and still tells who is to pause."""

    def __init__(
        self, presence: Presence, delivery: Delivery, duties: Duties, now: Callable[[], float] = time.time
    ) -> None:
        self._presence = presence
        self._delivery = delivery
        self._duties = duties
        self._now = now
        self._kept: frozenset[str] | None = None

    def keep(self) -> None:
        """Write it down if anybody came, went, took a job, or was told to pause since the last time."""
        said, wishes, now = self._presence.said(), self._duties.wishes(), self._now()
        shape = frozenset(f"{one.worker} {one.goodbye} {one.duty.order} {one.attempts}" for one, _ in said)
        shape |= frozenset(f"{one.order.id} {sorted(one.followed)}" for one in wishes)
        if shape == self._kept:
            return
        page = _Page(at=now, said=[_Said(heartbeat=one, at=now - age) for one, age in said], wishes=wishes)
        self._delivery.keep_note(_NAME, page.model_dump_json())
        self._kept = shape

    def recall(self) -> None:
        """Read back what the process before knew."""
        text = self._delivery.read_note(_NAME)
        if text is None:
            return
        try:
            page = _Page.model_validate_json(text)
        except ValidationError as error:
            # Another version's copy, or somebody else's: presence is complete again within one heartbeat.
            log.warning("presence_copy_dropped", problems=error.error_count())
            return
        now = self._now()
        for one in page.said:
            self._presence.recall(one.heartbeat, max(0.0, now - one.at))
        for wish in page.wishes:
            self._duties.recall(wish, max(0.0, now - page.at))
