"""A breaker for each home: who left several questions in a row lying is spared, and spares others the wait."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Questions in a row without an answer.
_FAILURES = 3
#: Seconds for which nobody is asked then; after them one question tries.
_PAUSE = 5.0


class Breaker:
    """Counts by home. Belongs on the server's loop."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[str | None, int] = {}
        self._shut_until: dict[str | None, float] = {}

    def admits(self, home: str | None) -> bool:
        """Return whether a home may be asked now; once it was shut, one question every 5 s may."""
        until = self._shut_until.get(home)
        if until is None:
            return True
        if self._clock() < until:
            return False
        self._shut_until[home] = self._clock() + _PAUSE
        return True

    def answered(self, home: str | None) -> None:
        """Take in that it answered."""
        self._failures.pop(home, None)
        self._shut_until.pop(home, None)

    def failed(self, home: str | None) -> None:
        """Take in that it did not."""
        self._failures[home] = self._failures.get(home, 0) + 1
        if self._failures[home] >= _FAILURES:
            self._shut_until[home] = self._clock() + _PAUSE
