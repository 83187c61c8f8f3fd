"""Intake: submissions that arrive together are recorded together, in one statement and one commit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.errors import LedgerRefused
from shared.ledger.keeper import Submission, Submitted

#: The most that one statement records.
_TOGETHER = 64


@dataclass
class _Ticket:
    asked: Submission
    cap: int
    done: Submitted | None = None
    error: Exception | None = None


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
        while ticket.done is None and ticket.error is None:
            batch: list[_Ticket] = []
            with self._turn:
                if ticket.done is None and ticket.error is None:
                    batch = self._next()
                    self._record(batch)
            # The ledger is free for the next ones meanwhile.
            self._deliver([one.done for one in batch if one.done is not None])
        if ticket.error is not None:
            raise ticket.error
        assert ticket.done is not None
        return ticket.done

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
                batch[0].error = error
                return
            # One of them holds what cannot be recorded; the others must not suffer for it.
            for ticket in batch:
                self._record([ticket])
        except Exception as error:  # noqa: BLE001  # whoever waits for it must hear of it, whatever it is
            for ticket in batch:
                ticket.error = error
        else:
            for ticket, answer in zip(batch, answers, strict=True):
                ticket.done = answer
