"""Answers that are remembered: within 16 MB, the longest unused goes first, and each belongs to its generations."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from cloud_api.services.search.answers import Kept

#: Bytes.
_MOST = 16 << 20
#: What an entry takes beside its body.
_FRAME = 400
#: Seconds for which an answer is good, and one without hits: a worker may have learned to rank better meanwhile.
_GOOD, _EMPTY_GOOD = 86_400.0, 60.0


@dataclass(frozen=True)
class _Entry:
    generations: bytes
    at: float
    #: JSON: it weighs what it measures.
    body: bytes
    empty: bool


class Cache:
    """One answer for each question, that of the newest generations it was asked of. Belongs on the server's loop."""

    def __init__(self, *, most: int = _MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._size = 0

    @property
    def size(self) -> int:
        """How many bytes are remembered."""
        return self._size

    def fresh(self, key: bytes, generations: bytes) -> Kept | None:
        """Return the answer to a question in just these generations."""
        entry = self._entries.get(key)
        if entry is None or entry.generations != generations:
            return None
        if self._clock() - entry.at > (_EMPTY_GOOD if entry.empty else _GOOD):
            return None
        self._entries.move_to_end(key)
        return Kept.model_validate_json(entry.body)

    def stale(self, key: bytes) -> Kept | None:
        """Return the last answer to a question that had hits, of whatever generations, up to a day old."""
        entry = self._entries.get(key)
        if entry is None or entry.empty or self._clock() - entry.at > _GOOD:
            return None
        return Kept.model_validate_json(entry.body)

    def keep(self, key: bytes, generations: bytes, answer: Kept) -> None:
        """Remember an answer in place of the one before it."""
        self._drop(key)
        entry = _Entry(generations, self._clock(), answer.model_dump_json().encode(), not answer.hits)
        if _weight(entry) > self._most:
            return
        self._entries[key] = entry
        self._size += _weight(entry)
        while self._size > self._most:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: bytes) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._size -= _weight(entry)


def _weight(entry: _Entry) -> int:
    return len(entry.body) + _FRAME
