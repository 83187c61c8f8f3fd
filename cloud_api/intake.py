"""Intake: submissions that arrive together are recorded together, in one statement and one commit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from shared.errors import LedgerRefused
from shared.ledger.keeper import Submission, Submitted
from shared.logs import get_logger

log = get_logger(__name__)

#: The most that one statement records.
_TOGETHER = 64


@dataclass
class _Ticket:
    asked: Submission
    cap: int
    answer: Future[Submitted] = field(default_factory=Future)


class Intake:
    """One thread writes for all that wait: a hundred submitters cost a handful of commits, also far from Postgres."""

    def __init__(
        self,
        write: Callable[[Sequence[tuple[Submission, int]]], Sequence[Submitted]],
        *,
        deliver: Callable[[Sequence[Submitted]], None],
    ) -> None:
        """``write`` records submissions in their order, all of them or none (``Keeper.submit_all``).

        ``deliver`` is told what was recorded; nobody else waits for it.
        """
        self._write = write
        self._deliver = deliver
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._waiting: list[_Ticket] = []
        self._drains = False

    @property
    def waiting(self) -> int:
        """How many wait for the next statement."""
        with self._lock:
            return len(self._waiting)

    def submit(self, asked: Submission, *, cap: int) -> Submitted:
        """Record one submission; return when that is committed.

        Raises:
            LedgerUnavailable, LedgerRefused: as ``Keeper.submit``.
        """
        ticket = _Ticket(asked, cap)
        with self._lock:
            self._waiting.append(ticket)
        # With more of them than fit, ours may be in the batch after the one that this thread writes.
        while not ticket.answer.done():
            self._write_some(unless=ticket.answer.done)
        return ticket.answer.result()

    async def enter(self, asked: Submission, *, cap: int) -> Submitted:
        """As ``submit``, for a coroutine: one thread writes for all of them, and none waits with each.

        Who comes while nobody writes returns when its submission is delivered, too.
        """
        ticket = _Ticket(asked, cap)
        with self._lock:
            self._waiting.append(ticket)
            begins, self._drains = not self._drains, True
        if begins:
            delivered = Future[None]()
            asyncio.get_running_loop().run_in_executor(None, self._drain, delivered)
            await asyncio.shield(asyncio.wrap_future(delivered))
        # Who hangs up meanwhile has asked all the same.
        return await asyncio.shield(asyncio.wrap_future(ticket.answer))

    def _drain(self, delivered: Future[None]) -> None:
        """Write until nobody waits; ``delivered`` is done with the first batch, whoever wrote it."""
        while self._more():
            try:
                self._write_some()
            except Exception:  # whoever waits in the next batch must be answered
                log.exception("delivery_broke")
            if not delivered.done():
                delivered.set_result(None)
        if not delivered.done():
            delivered.set_result(None)

    def _more(self) -> bool:
        with self._lock:
            self._drains = bool(self._waiting)
            return self._drains

    def _write_some(self, *, unless: Callable[[], bool] = lambda: False) -> None:
        batch: list[_Ticket] = []
        with self._turn:
            if not unless():
                batch = self._next()
                self._record(batch)
        # The ledger is free for the next ones meanwhile.
        self._deliver([one.answer.result() for one in batch if one.answer.exception() is None])

    def _next(self) -> list[_Ticket]:
        with self._lock:
            batch, self._waiting = self._waiting[:_TOGETHER], self._waiting[_TOGETHER:]
        # Each kind has a lock of its own in the ledger: taken in one order by everybody.
        return sorted(batch, key=lambda ticket: ticket.asked.kind)

    def _record(self, batch: list[_Ticket]) -> None:
        try:
            answers = self._write([(ticket.asked, ticket.cap) for ticket in batch])
        except LedgerRefused as error:
            if len(batch) == 1:
                batch[0].answer.set_exception(error)
                return
            # One of them holds what cannot be recorded; the others must not suffer for it.
            for ticket in batch:
                self._record([ticket])
        except Exception as error:  # noqa: BLE001  # whoever waits for it must hear of it, whatever it is
            for ticket in batch:
                ticket.answer.set_exception(error)
        else:
            for ticket, answer in zip(batch, answers, strict=True):
                ticket.answer.set_result(answer)
