"""The last copy of presence: one key in Redis, written at shutdown and at most every ten minutes when it changed."""

from __future__ import annotations

import time
from collections.abc import Callable

from pydantic import BaseModel, TypeAdapter, ValidationError

from cloud_api.delivery import Delivery
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


_PAGE = TypeAdapter(list[_Said])


class Keepsake:
    """A restart shows who was there, until everybody has spoken again."""

    def __init__(self, presence: Presence, delivery: Delivery, now: Callable[[], float] = time.time) -> None:
        self._presence = presence
        self._delivery = delivery
        self._now = now
        self._kept: frozenset[str] | None = None

    def keep(self) -> None:
        """Write presence down if anybody came, went, or took a job since the last time."""
        said = self._presence.said()
        shape = frozenset(f"{one.worker} {one.goodbye} {one.attempts}" for one, _ in said)
        if shape == self._kept:
            return
        page = [_Said(heartbeat=one, at=self._now() - age) for one, age in said]
        self._delivery.keep_note(_NAME, _PAGE.dump_json(page).decode())
        self._kept = shape

    def recall(self) -> None:
        """Read back what the process before knew."""
        text = self._delivery.read_note(_NAME)
        if text is None:
            return
        try:
            page = _PAGE.validate_json(text)
        except ValidationError as error:
            # Another version's copy, or somebody else's: presence is complete again within one heartbeat.
            log.warning("presence_copy_dropped", problems=error.error_count())
            return
        for one in page:
            self._presence.recall(one.heartbeat, max(0.0, self._now() - one.at))
