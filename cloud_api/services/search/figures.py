"""How searches were answered since this process began."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from cloud_api.services.search.answers import Found


class Figures:
    """Counts answers."""

    def __init__(self, *, remembered: Callable[[], int]) -> None:
        """``remembered`` returns the bytes of answers that are remembered."""
        self.remembered = remembered
        self._sources: Counter[str] = Counter()
        self._degraded = 0

    @property
    def answered(self) -> int:
        """How many were answered."""
        return self._sources.total()

    @property
    def cached(self) -> int:
        """How many of them from memory, in the generations that were published."""
        return self._sources["cache"]

    @property
    def degraded(self) -> int:
        """How many of them were less than they could be."""
        return self._degraded

    def count(self, found: Found) -> None:
        """Take in an answer."""
        self._sources[found.source] += 1
        self._degraded += found.degraded is not None
