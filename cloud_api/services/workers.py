"""Showing workers, and telling them to pause, to drain, or to go on."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from cloud_api.board import Board
from cloud_api.duties import Duties, Wish
from cloud_api.presence import Presence
from cloud_api.workers import WorkerView
from shared.errors import NotFound
from shared.jobs.states import State
from shared.ledger.records import Job
from shared.logs import get_logger
from shared.nodes.heartbeat import DutyOrder, DutyState

log = get_logger(__name__)

#: Jobs of those that it could take that are named.
_NAMED = 50


@dataclass(frozen=True, kw_only=True)
class WorkerDetail:
    """One worker, and what waits that it could take."""

    view: WorkerView
    #: Other processes of its node that are known.
    others: tuple[str, ...]
    could_take: tuple[Job, ...]


@dataclass(frozen=True, kw_only=True)
class DutyAnswer:
    """What became of a duty order."""

    name: str
    order: DutyOrder
    by: str
    #: Those who are there to follow it.
    workers: tuple[str, ...]
    message: str


class Workers:
    """Everybody who was heard in the last day, from memory alone."""

    def __init__(
        self,
        *,
        presence: Presence,
        board: Board,
        duties: Duties,
        tell: Callable[[str], None],
        keep: Callable[[], None],
    ) -> None:
        """``tell`` has a worker told at once that there is an order for it, where it holds a line; ``keep`` has what is
        wanted outlast this process, so that it never comes back with an order that was taken back.
        """
        self._presence = presence
        self._board = board
        self._duties = duties
        self._tell = tell
        self._keep = keep

    def all(self) -> tuple[WorkerView, ...]:
        """Return every worker with its duty, what is wanted of it, and who asked."""
        return tuple(self._duties.told(view) for view in self._presence.workers())

    def show(self, name: str, *, tenant: UUID) -> WorkerDetail:
        """Return a worker by its id, or by its node: of several processes the one that is there and spoke last.

        Raises:
            NotFound: nobody of that name was heard in the last day.
        """
        found = self._named(name)
        first = min(found, key=lambda view: (not view.there, view.seen_seconds_ago))
        others = [view.worker for view in self._presence.workers() if view.node == first.node]
        return WorkerDetail(
            view=self._duties.told(first),
            others=tuple(worker for worker in others if worker != first.worker),
            could_take=self._could_take(first, tenant),
        )

    def order(self, name: str, state: DutyState, *, note: str | None, seconds: float | None, by: str) -> DutyAnswer:
        """Want a node's workers, or one worker, to pause, drain or open. Who is away is told when it is back.

        The worker keeps its duty itself; ``seconds`` count from now, however late it hears of it.

        Raises:
            NotFound: nobody of that name was heard in the last day.
        """
        found = self._named(name)
        there = tuple(view.worker for view in found if view.there)
        order = DutyOrder(id=secrets.token_hex(8), state=state, note=note, seconds=seconds)
        self._duties.want(Wish(name=self._key(name, found), order=order, by=by, asked=frozenset(there)))
        log.info("duty_ordered", name=name, state=state, seconds=seconds, by=by, order=order.id)
        for worker in there:
            self._tell(worker)
        self._keep()
        return DutyAnswer(name=name, order=order, by=by, workers=there, message=self._message(found))

    def _named(self, name: str) -> Sequence[WorkerView]:
        views = self._presence.workers()
        found = [view for view in views if name in {view.worker, view.node}]
        if not found:
            known = ", ".join(sorted({view.node for view in views})) or "none"
            raise NotFound(f"No worker of that name was heard in the last day (known: {known}). Nothing was changed.")
        return found

    def _key(self, name: str, found: Sequence[WorkerView]) -> str:
        """Return the node where it has no other process: the next one would have another id."""
        node = found[0].node
        alone = all(view.worker == name for view in self._presence.workers() if view.node == node)
        return node if alone else name

    def _could_take(self, view: WorkerView, tenant: UUID) -> tuple[Job, ...]:
        able = view.capabilities
        return tuple(
            job
            for job in self._board.snapshot().open_jobs
            if job.state is State.QUEUED
            and job.tenant_id == tenant
            and job.kind in able.kinds
            and job.needs.met_by(able)
        )[:_NAMED]

    def _message(self, found: Sequence[WorkerView]) -> str:
        node, there = found[0].node, [view for view in found if view.there]
        if not there:
            return f"{node} is away ({found[0].why}). It will be told when it is back."
        if all(view.line == "open" for view in there):
            return f"{node} was told over its line."
        return f"{node} hears of it with its next heartbeat, within {self._presence.timing.heartbeat:.0f} s."
