"""How a line's streams ended, what that says of the way to the plane, and when the next one is tried."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Literal

from shared.nodes.heartbeat import LineState
from shared.timing import Timing

#: ``unreached``  no stream came about: nobody there, or not willing
#: ``unknown``    the plane is older than lines
#: ``withheld``   the plane answers otherwise, but not even the head of its stream came through
#: ``buffered``   the head came, and not the first event, which the plane sends at once
#: ``ended``      a stream that worked ended, or fell silent
#: ``away``       this machine slept meanwhile
End = Literal["unreached", "unknown", "withheld", "buffered", "ended", "away"]

#: So many streams in a row that ended early are no accident; heads withheld in a row that are none, either.
_STREAMS, _HEADS = 3, 2


class Tries:
    """Pauses grow with failures, up to 30 s, and are spread out: a plane that restarts meets its workers one by one."""

    def __init__(
        self, timing: Timing, *, tell: Callable[[], None], chance: Callable[[], float] = random.random
    ) -> None:
        """``tell`` is called when the state has changed."""
        self._tell = tell
        self._first, self._most = timing.reconnect / 10, timing.reconnect * 6
        #: Where another try hardly helps, since orders come with heartbeats, too.
        self._slow = timing.ping * 20
        #: A stream that lived so long was not cut by a limit on idle or long answers.
        self._long = timing.ping * 4
        self._chance = chance
        self._failures = 0
        self._early = 0
        self._withheld = 0
        self._epoch: int | None = None
        self.state: LineState = "closed"

    def opened(self, epoch: int) -> None:
        """A stream works, down and up. An early end of the last one was a restart where ``epoch`` changed."""
        if epoch != self._epoch:
            self._epoch, self._early = epoch, 0
        self._withheld = 0
        if self._early < _STREAMS:
            self._be("open")

    def lives(self, seconds: float) -> None:
        """The stream that is open has lived so long."""
        if seconds >= self._long:
            self._failures = self._early = 0
            self._be("open")

    def over(self, end: End, lived: float = 0.0) -> float:
        """Take in how a stream ended that worked for ``lived`` seconds; return the pause before the next one."""
        self._withheld = self._withheld + 1 if end == "withheld" else 0
        if end == "ended" and lived < self._long:
            self._early += 1
        if end == "buffered" or self._withheld >= _HEADS:
            self._be("buffered")
        else:
            self._be("cut" if self._early >= _STREAMS else "closed")
        if end == "unknown" or self.state == "buffered":
            return self._slow * (0.5 + self._chance())
        return self._chance() * self._back_off(at_once=end == "away" or lived >= self._long)

    def _be(self, state: LineState) -> None:
        before, self.state = self.state, state
        if state != before:
            self._tell()

    def _back_off(self, *, at_once: bool) -> float:
        if at_once:
            self._failures = 0
            return self._first
        self._failures = min(self._failures + 1, 16)
        return float(min(self._most, self._first * 2**self._failures))
