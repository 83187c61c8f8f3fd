"""Duties: what somebody wants of a worker, kept until the worker says that it is so, and who that was."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pydantic import BaseModel, ConfigDict

from cloud_api.presence import Presence
from cloud_api.workers import WorkerView
from shared.nodes.heartbeat import DutyOrder


class Wish(BaseModel):
    """A duty order and how far it is followed. The worker keeps its duty itself; this is the way there."""

    model_config = ConfigDict(frozen=True)

    #: The name of a node, or a worker's id.
    name: str
    order: DutyOrder
    by: str
    #: Who was there when it was asked for. Where nobody was, the first process of the node that comes follows.
    asked: frozenset[str] = frozenset()
    followed: frozenset[str] = frozenset()

    def concerns(self, worker: str) -> bool:
        """Return whether a worker is still to follow. A later process of a node finds there what an earlier kept."""
        return worker not in self.followed and (worker in self.asked or not self.followed)


@dataclass(frozen=True)
class _Kept:
    wish: Wish
    #: When it is over by itself, on this process's clock.
    until: float | None


@dataclass
class Duties:
    """The newest wish for each node, or for one of its workers."""

    presence: Presence
    clock: Callable[[], float] = time.monotonic
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def want(self, wish: Wish) -> None:
        """Keep a wish in place of earlier ones; for a node, of those for its single workers too."""
        known = {view.worker for view in self.presence.workers()}
        with self._lock:
            for name in list(self._kept):
                if name.startswith(f"{wish.name}.") or ("." in name and name not in known):
                    del self._kept[name]
            self._kept[wish.name] = self._from_now(wish)

    def order_for(self, worker: str) -> DutyOrder | None:
        """Return what a worker is still to follow, with the seconds that are left of it."""
        view = self.presence.find(worker)
        if view is None:
            return None
        with self._lock:
            kept = self._newest(view)
            if kept is None:
                return None
            if view.duty.order == kept.wish.order.id:
                followed = kept.wish.model_copy(update={"followed": kept.wish.followed | {worker}})
                self._kept[followed.name] = replace(kept, wish=followed)
                return None
            left = self._left(kept)
            if not kept.wish.concerns(worker) or (left is not None and left <= 0):
                return None
            return kept.wish.order.model_copy(update={"seconds": left})

    def told(self, view: WorkerView) -> WorkerView:
        """Return a worker with what is wanted of it and who asked for what it does."""
        wanted = self.order_for(view.worker)
        with self._lock:
            kept = self._newest(view)
        by = kept.wish.by if kept is not None and kept.wish.order.id == view.duty.order else None
        return replace(view, wanted=wanted, by=by)

    def wishes(self) -> list[Wish]:
        """Return every wish that is not over, with the seconds that are left of it."""
        with self._lock:
            kept = [(one, self._left(one)) for one in self._kept.values()]
        return [
            one.wish.model_copy(update={"order": one.wish.order.model_copy(update={"seconds": left})})
            for one, left in kept
            if left is None or left > 0
        ]

    def recall(self, wish: Wish, age: float) -> None:
        """Take in a wish that the process before this one kept ``age`` seconds ago, unless there is a newer one."""
        left = wish.order.seconds
        if left is not None and left <= age:
            return
        with self._lock:
            kept = self._from_now(wish)
            until = None if kept.until is None else kept.until - age
            self._kept.setdefault(wish.name, replace(kept, until=until))

    def _newest(self, view: WorkerView) -> _Kept | None:
        return self._kept.get(view.worker) or self._kept.get(view.node)

    def _from_now(self, wish: Wish) -> _Kept:
        seconds = wish.order.seconds
        return _Kept(wish, None if seconds is None else self.clock() + seconds)

    def _left(self, kept: _Kept) -> float | None:
        return None if kept.until is None else kept.until - self.clock()
