"""One request in hand: which workers were asked, who acknowledged, and what came back."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cloud_api.line.held import Held, event
from shared.errors import NotAnswered, NotFound, TooLate
from shared.nodes.line import Answer, Request, RequestKind

#: Two round trips and so many seconds without an acknowledgement: the next worker is asked too.
_ALLOWANCE = 0.1
#: Workers that may have one request in hand: whatever breaks them must not go through the whole house.
_MOST = 2


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a worker answered."""

    worker: str
    body: Mapping[str, Any]
    #: From asking this worker to its answer.
    round_trip_ms: float
    #: How often the request was handed on before: 0 when the first worker that was asked answered.
    hops: int


@dataclass(kw_only=True)
class _Hop:
    """One worker that was asked."""

    line: Held
    at: float
    #: When its acknowledgement is overdue.
    due: float
    hops: int
    acknowledged: bool = False
    error: str | None = None
    #: It passed the request on: what is asked is not to be had from this worker, and may be from another.
    passed: bool = False
    #: It said that what is asked about does not exist.
    missing: bool = False

    @property
    def spared(self) -> bool:
        """Whether its line broke before it had the request, as far as anybody knows, or it did not take it."""
        return self.passed or (self.line.ended.done() and not self.acknowledged)

    def silent(self, now: float) -> bool:
        """Return whether an acknowledgement is overdue."""
        return not self.acknowledged and now >= self.due

    def promises(self, now: float) -> bool:
        """Return whether an answer is to be expected of it."""
        return self.error is None and not self.line.ended.done() and not self.silent(now)


class Asked:
    """A request until it is answered or its time is over. Lives on one loop."""

    def __init__(
        self,
        kind: RequestKind,
        body: Mapping[str, Any],
        *,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.id = secrets.token_hex(8)
        self.answered: Answered | None = None
        self._kind = kind
        self._body = dict(body)
        self._clock = clock
        self._until = clock() + seconds
        self._hops: dict[str, _Hop] = {}
        self._changed = asyncio.Event()
        self._closed = False

    def text(self) -> bytes | None:
        """Return the event that asks, with the milliseconds that are left; ``None`` when nobody waits any more."""
        left = self._until - self._clock()
        if self._over(left):
            return None
        request = Request(id=self.id, kind=self._kind, milliseconds=int(left * 1000), body=self._body)
        return event("request", request.model_dump_json())

    def was_asked(self, worker: str) -> bool:
        """Return whether a worker was asked this."""
        return worker in self._hops

    def ask(self, line: Held) -> None:
        """Ask one worker more."""
        now = self._clock()
        patience = 2 * (line.round_trip or 0.0) + _ALLOWANCE
        # Half of the time belongs to who stands in: a round trip that was measured in a bad moment must not eat it.
        due = now + min(patience, (self._until - now) / 2)
        self._hops[line.worker] = _Hop(line=line, at=now, due=due, hops=len(self._hops))
        line.request(self.text)

    def acknowledge(self, worker: str) -> None:
        """Take in that a worker has the request.

        Raises:
            TooLate: nobody waits any more, or this worker was not asked.
        """
        now, hop = self._clock(), self._hop(worker)
        if not hop.acknowledged:
            hop.acknowledged = True
            hop.line.heard(now - hop.at)
            self.wake()
        if self._over(self._until - now):
            raise TooLate

    def answer(self, answer: Answer) -> None:
        """Take in what a worker answered; the first that can wins.

        Raises:
            TooLate: nobody waits any more, this worker was not asked, or it has answered before.
        """
        now, hop = self._clock(), self._hop(answer.worker)
        if self._over(self._until - now) or hop.error is not None:
            raise TooLate
        # Without a word before it, an answer measures the way as well: it took at most so long.
        if not hop.acknowledged and now - hop.at < (hop.line.round_trip or 0.0):
            hop.line.heard(now - hop.at)
        hop.acknowledged = True
        if answer.error is not None or answer.body is None:
            hop.error, hop.passed = (answer.error or "it gave no reason").rstrip("."), answer.elsewhere
            hop.missing = answer.missing
        else:
            milliseconds = (now - hop.at) * 1000
            self.answered = Answered(worker=answer.worker, body=answer.body, round_trip_ms=milliseconds, hops=hop.hops)
        self.wake()

    def wants_another(self, now: float) -> bool:
        """Return whether nothing is to be expected of the workers that were asked, and one more may be."""
        for hop in self._hops.values():
            if hop.silent(now):
                hop.line.doubted_at = now
        if self._over(self._until - now) or any(hop.missing or hop.promises(now) for hop in self._hops.values()):
            return False
        return sum(not hop.spared for hop in self._hops.values()) < _MOST

    def check(self, now: float) -> None:
        """Return when waiting makes sense.

        Raises:
            NotFound: somebody who was asked has said that there is no such thing.
            NotAnswered: the time is over, or everybody who was asked has said that it cannot.
        """
        missing = next((hop.error for hop in self._hops.values() if hop.missing), None)
        if missing is not None:
            raise NotFound(f"{missing}. Nothing was changed.")
        errors = {worker: hop.error for worker, hop in self._hops.items() if hop.error is not None}
        if len(errors) == len(self._hops):
            worker, error = list(errors.items())[-1]
            raise NotAnswered(f"{worker} was asked and could not answer: {error}. Nothing was changed.")
        if now >= self._until:
            names = " and ".join(self._hops)
            raise NotAnswered(f"{names} did not answer in time. Nothing was changed; try again.")

    async def wait(self, now: float) -> None:
        """Wait until something happened or is due. ``now`` is when it was found that nothing is, and not later."""
        due = [hop.due for hop in self._hops.values() if hop.promises(now) and not hop.acknowledged]
        try:
            async with asyncio.timeout(min([self._until, *due]) - now):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()

    def wake(self) -> None:
        """Have whoever waits look again."""
        self._changed.set()

    def close(self) -> None:
        """Nobody waits any more."""
        self._closed = True
        for hop in self._hops.values():
            hop.line.forget(self.text)

    def _hop(self, worker: str) -> _Hop:
        try:
            return self._hops[worker]
        except KeyError:
            raise TooLate from None

    def _over(self, left: float) -> bool:
        return self._closed or self.answered is not None or left <= 0
