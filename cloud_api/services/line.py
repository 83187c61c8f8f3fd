"""The line: holding one for a worker, and asking workers on behalf of people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from cloud_api.line.asked import Answered
from cloud_api.line.held import Held
from cloud_api.lines import Lines
from cloud_api.presence import Presence
from cloud_api.workers import WorkerView
from shared.errors import NotAnswered, NotFound, NoWorker
from shared.nodes.line import Acknowledgement, Answer, RequestKind


@dataclass(frozen=True, kw_only=True)
class Echo:
    """A text that came back, and from whom."""

    worker: str
    node: str
    #: How often it was handed on before.
    hops: int
    round_trip_ms: float
    text: str


class Line:
    """Chooses who is asked; everything here reads memory alone."""

    def __init__(self, *, lines: Lines, presence: Presence, epoch: Callable[[], int]) -> None:
        """``epoch`` returns this process's start number."""
        self._lines = lines
        self._presence = presence
        self._epoch = epoch

    def check_room(self, worker: str) -> None:
        """Return when a worker may hold a line; raise ``Unavailable`` otherwise."""
        self._lines.check_room(worker)

    def hold(self, worker: str) -> AbstractContextManager[Held]:
        """Hold a worker's line while the block runs."""
        return self._lines.hold(worker, epoch=self._epoch())

    def acknowledge(self, acknowledgement: Acknowledgement) -> None:
        """Take in that a hello or a request arrived; raise ``TooLate`` when nobody waits for that."""
        self._lines.acknowledge(acknowledgement)

    def answer(self, answer: Answer) -> None:
        """Take in an answer; raise ``TooLate`` when nobody waits for it."""
        self._lines.answer(answer)

    def close(self) -> None:
        """End every line and every request: the process stops."""
        self._lines.close()

    async def echo(self, text: str, *, seconds: float, whom: str | None = None) -> Echo:
        """Have a worker, or the one that is named by its id or its node, say ``text`` again.

        Raises:
            NotFound: no such worker was heard in the last day.
            NoWorker: none that is there holds a line.
            NotAnswered: the time is over, or what came back is not the text.
        """
        answered = await self.ask("echo", {"text": text}, seconds=seconds, whom=whom)
        if answered.body.get("text") != text:
            raise NotAnswered(f"{answered.worker} answered, but not with the text that it was sent. Update it.")
        return Echo(
            worker=answered.worker,
            node=answered.worker.partition(".")[0],
            hops=answered.hops,
            round_trip_ms=round(answered.round_trip_ms, 1),
            text=text,
        )

    async def ask(
        self,
        kind: RequestKind,
        body: Mapping[str, Any],
        *,
        seconds: float,
        whom: str | None = None,
        first: str | None = None,
    ) -> Answered:
        """Ask the least loaded worker that holds a line, or the one that is named; raise what ``Lines.ask`` does.

        Those of the node ``first`` are asked before the others.

        Raises:
            NotFound: no worker of that name was heard in the last day.
        """
        try:
            return await self._lines.ask(kind, body, seconds=seconds, order=lambda: self._least_loaded(whom, first))
        except NoWorker:
            if whom is None:
                raise
            if not any(whom in {view.worker, view.node} for view in self._presence.workers()):
                raise NotFound("No worker of this name was heard in the last day. Nothing was asked.") from None
            raise NoWorker(
                f"{whom} holds no line at present. Nothing was asked; see why with 'pharos doctor'."
            ) from None

    def _least_loaded(self, whom: str | None, first: str | None) -> Iterable[str]:
        there = (view for view in self._presence.workers() if view.state in {"ready", "working"})
        wanted = [view for view in there if whom in {None, view.worker, view.node}]
        return [view.worker for view in sorted(wanted, key=lambda view: (view.node != first, *self._load(view)))]

    def _load(self, view: WorkerView) -> tuple[float, float]:
        at_work = view.busy + self._lines.in_hand(view.worker)
        return at_work / view.slots, self._lines.round_trip(view.worker) or 0.0
