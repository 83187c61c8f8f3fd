"""The lines that workers hold: orders go down them at once, and requests that somebody waits for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from cloud_api.line.asked import Answered, Asked
from cloud_api.line.held import Held
from shared.errors import InvalidRequest, NoWorker, TooLate, Unavailable
from shared.logs import get_logger
from shared.nodes.heartbeat import Orders
from shared.nodes.line import MAX_BODY, Acknowledgement, Answer, RequestKind
from shared.timing import Timing

log = get_logger(__name__)

#: Lines that are held, and requests that are in hand, at most.
MOST_LINES = 200
MOST_REQUESTS = 256
#: Returns workers that could answer, the one to ask first in front.
Order = Callable[[], Iterable[str]]


class Lines:
    """Every held line and every request in hand, in memory; everything but ``tell`` belongs on the server's loop."""

    def __init__(
        self,
        *,
        timing: Timing,
        most_lines: int = MOST_LINES,
        most_requests: int = MOST_REQUESTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._timing = timing
        self._most_lines = most_lines
        self._most_requests = most_requests
        self._clock = clock
        self._lines: dict[str, Held] = {}
        self._asked: dict[str, Asked] = {}
        self._closed = False

    def is_open(self, worker: str) -> bool:
        """Return whether a worker holds a line whose both ways are free."""
        line = self._lines.get(worker)
        return line is not None and line.open

    def round_trip(self, worker: str) -> float | None:
        """Return the seconds there and back on a worker's line, smoothed; ``None`` when it is not open."""
        line = self._lines.get(worker)
        return line.round_trip if line is not None and line.open else None

    def in_hand(self, worker: str) -> int:
        """Return how many requests a worker was asked that are not over."""
        line = self._lines.get(worker)
        return line.in_hand if line is not None else 0

    def check_room(self, worker: str) -> None:
        """Return when a worker may hold a line.

        Raises:
            Unavailable: as many are held as this process takes, or it is stopping.
        """
        if self._closed:
            raise Unavailable("The control plane is stopping. Nothing is lost; connect again in a moment.")
        if len(self._lines) >= self._most_lines and worker not in self._lines:
            raise Unavailable(
                f"{self._most_lines} lines are held already, and no more fit. Heartbeats carry the same orders; "
                "stop a worker that is not needed."
            )

    @contextmanager
    def hold(self, worker: str, *, epoch: int) -> Iterator[Held]:
        """Hold a worker's line while the block runs; a line that it held before ends.

        Raises:
            Unavailable: as many are held as this process takes, or it is stopping.
        """
        self.check_room(worker)
        timing = self._timing
        line = Held(worker, epoch=epoch, ping=timing.ping, silence=timing.line_silence, clock=self._clock)
        older, self._lines[worker] = self._lines.get(worker), line
        if older is not None:
            self._end(older, "replaced")
        began = self._clock()
        try:
            yield line
        finally:
            self._end(line, "left")
            if self._lines.get(worker) is line:
                del self._lines[worker]
            held = round(self._clock() - began, 1)
            log.info("line_ended", worker=worker, reason=line.ended.result(), seconds=held)

    def tell(self, worker: str, orders: Orders) -> bool:
        """Send orders down a worker's line; return whether it was open. Safe on every thread, and never waits."""
        line = self._lines.get(worker)
        if line is None or not line.open:
            return False
        try:
            line.loop.call_soon_threadsafe(line.order, orders)
        except RuntimeError:  # the loop was closed: this process ends
            return False
        return True

    def acknowledge(self, acknowledgement: Acknowledgement) -> None:
        """Take in that a hello or a request arrived.

        Raises:
            TooLate: that line is over, or nobody waits for that answer any more.
        """
        line = self._spoke(acknowledgement.worker)
        if line is not None and line.hello.id == acknowledgement.id:
            self._open(line)
            return
        self._in_hand(acknowledgement.id).acknowledge(acknowledgement.worker)

    def answer(self, answer: Answer) -> None:
        """Take in an answer.

        Raises:
            TooLate: nobody waits for it any more, or this worker was not asked.
        """
        self._spoke(answer.worker)
        self._in_hand(answer.id).answer(answer)

    async def ask(self, kind: RequestKind, body: Mapping[str, Any], *, seconds: float, order: Order) -> Answered:
        """Ask the first of ``order`` that holds an open line, and at need one more; return the first answer.

        ``order`` is asked again when the request is to be handed on.

        Raises:
            NoWorker: none of them holds a line.
            NotFound: who was asked said that there is no such thing.
            NotAnswered: the time is over, or who was asked could not.
            InvalidRequest: ``body`` is too large for a line.
            Unavailable: too many requests are in hand, or this process is stopping.
        """
        if len(self._asked) >= self._most_requests:
            raise Unavailable(f"{self._most_requests} requests are in hand already. Nothing was asked; try again.")
        asked = Asked(kind, body, seconds=seconds, clock=self._clock)
        if len(asked.text() or b"") > MAX_BODY:
            raise InvalidRequest(f"A request may have {MAX_BODY} bytes. Nothing was asked; send less.")
        self._asked[asked.id] = asked
        try:
            return await self._follow(asked, order)
        finally:
            del self._asked[asked.id]
            asked.close()

    def close(self) -> None:
        """End every line and every request, and take no more: the process stops."""
        self._closed = True
        for line in self._lines.values():
            line.end("stopping")
        self._wake()

    async def _follow(self, asked: Asked, order: Order) -> Answered:
        if not self._hand_on(asked, order):
            raise NoWorker
        while asked.answered is None:
            if self._closed:
                raise Unavailable("The control plane is stopping. Nothing was changed; try again in a moment.")
            # One moment for all: what falls due between two looks at the clock would be seen by neither.
            now = self._clock()
            if not (asked.wants_another(now) and self._hand_on(asked, order)):
                asked.check(now)
            await asked.wait(now)
        return asked.answered

    def _hand_on(self, asked: Asked, order: Order) -> bool:
        lines = [self._lines[worker] for worker in order() if self.is_open(worker) and not asked.was_asked(worker)]
        # Who left the last request lying may be frozen: it comes last until it speaks, or for a while.
        line = min(lines, key=self._doubtful, default=None)
        if line is not None:
            asked.ask(line)
        return line is not None

    def _doubtful(self, line: Held) -> bool:
        return line.doubted_at is not None and self._clock() - line.doubted_at < self._timing.line_silence

    def _spoke(self, worker: str) -> Held | None:
        line = self._lines.get(worker)
        if line is not None:
            line.doubted_at = None
        return line

    def _open(self, line: Held) -> None:
        if line.open:
            return
        line.greeted()
        log.info("line_opened", worker=line.worker, milliseconds=round((line.round_trip or 0.0) * 1000, 1))
        self._wake()

    def _end(self, line: Held, reason: str) -> None:
        line.end(reason)
        self._wake()

    def _wake(self) -> None:
        for asked in self._asked.values():
            asked.wake()

    def _in_hand(self, request_id: str) -> Asked:
        try:
            return self._asked[request_id]
        except KeyError:
            raise TooLate from None
