"""Noticing that this process stood still: the lid was closed, or somebody froze it."""

from __future__ import annotations

from collections.abc import Callable

from shared.timing import elapsed


class Absence:
    """Looked at again and again; what was connected before an absence may be dead without a word."""

    def __init__(self, *, least: float, clock: Callable[[], float] = elapsed) -> None:
        """``least`` is longer than the seconds between two looks."""
        self._least = least
        self._clock = clock
        self._looked_at = clock()

    def over(self) -> bool:
        """Return whether more than ``least`` seconds passed since the last look."""
        now = self._clock()
        before, self._looked_at = self._looked_at, now
        return now - before > self._least
