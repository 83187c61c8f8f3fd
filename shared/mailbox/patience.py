"""How long Redis is left alone after it failed: a moment when it is away, longer each time that it refuses."""

from __future__ import annotations

from shared.errors import MailboxUnavailable

#: The longest pause, in pauses: five minutes.
_LONGEST = 60


class Patience:
    """A plan that is used up or a memory that is full is not asked every few seconds: asking may cost a command."""

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._refusals = 0

    def after(self, error: MailboxUnavailable) -> float:
        """Return for how many seconds to leave it alone."""
        if not error.refused:
            return self._pause
        self._refusals += 1
        return self._pause * min(2.0**self._refusals, _LONGEST)

    def well(self) -> None:
        """It did what it was asked to."""
        self._refusals = 0
