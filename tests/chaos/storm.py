"""Carries out the blows of a plan, and takes them all back at the end."""

from __future__ import annotations

import heapq
import itertools
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence

from tests.chaos.plan import NODES, Blow
from tests.faults.house import House
from tests.faults.proxy import Trap

#: Few enough waiting jobs that a burst of submits is refused now and then.
PLANE = {"PHAROS_QUEUE_CAP": "40"}


def start_worker(house: House, node: str) -> None:
    """Start a worker; one of the three has no GPU, another one works on two jobs at a time."""
    device, slots = ("cpu" if node == NODES[0] else "auto"), ("2" if node == NODES[2] else "1")
    house.start_worker(node, PHAROS_DEVICE=device, PHAROS_SLOTS=slots)


class Storm:
    """Runs in the thread that owns the house: what starts a process must outlive it."""

    def __init__(self, house: House, blows: Sequence[Blow]) -> None:
        self.done: Counter[str] = Counter()
        self._house = house
        self._traps: list[Trap] = []
        self._order = itertools.count()
        self._began = time.monotonic()
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        for blow in blows:
            self._push(blow.at, lambda blow=blow: self._strike(blow))

    def rage(self, going: Callable[[], bool]) -> None:
        """Strike while ``going``."""
        while self._later and going():
            at, _, act = self._later[0]
            if self._now() < at:
                time.sleep(min(0.05, at - self._now()))
                continue
            heapq.heappop(self._later)
            act()

    def calm(self) -> None:
        """Put everything right: all proxies pass, all processes run."""
        house = self._house
        for node in NODES:
            house.thaw(node)
        for proxy in house.proxies.values():
            # Links that went silent stay silent: whoever waits on one has to find out.
            proxy.forget_traps()
        if house.plane is None:
            house.start_plane(ready=False, **PLANE)
        for node in NODES:
            self._worker(node)

    @property
    def lost_replies(self) -> int:
        """How many replies were really taken away."""
        return sum(trap.sprung.is_set() for trap in self._traps)

    def _worker(self, node: str) -> None:
        if not self._house.there(node):
            start_worker(self._house, node)

    def _strike(self, blow: Blow) -> None:
        if getattr(self, f"_{blow.what}")(blow):
            self.done[blow.what] += 1

    def _kill(self, blow: Blow) -> bool:
        if not self._house.there(blow.node):
            return False
        self._house.workers[blow.node].kill()
        self._after(blow.lasts, lambda: self._worker(blow.node))
        return True

    def _freeze(self, blow: Blow) -> bool:
        if not self._house.there(blow.node):
            return False
        if blow.half:
            self._house.workers[blow.node].send(signal.SIGSTOP)
        else:
            self._house.freeze(blow.node)
        self._after(blow.lasts * self._house.timing.lost_after, lambda: self._house.thaw(blow.node))
        return True

    def _plane(self, blow: Blow) -> bool:
        if self._house.plane is None:
            return False
        self._house.kill_plane()
        self._after(blow.lasts, lambda: self._house.start_plane(ready=False, **PLANE))
        return True

    def _reset(self, blow: Blow) -> bool:
        return self._house.proxies[blow.place].reset() > 0

    def _reply(self, blow: Blow) -> bool:
        self._traps.append(self._house.proxies[blow.place].drop_reply(blow.pattern))
        return True

    def _flush(self, _: Blow) -> bool:
        self._house.flush()
        return True

    def _dead(self, _: Blow) -> bool:
        return self._house.proxies["redis"].deaden() > 0

    def _after(self, seconds: float, act: Callable[[], None]) -> None:
        self._push(self._now() + seconds, act)

    def _now(self) -> float:
        return time.monotonic() - self._began

    def _push(self, at: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._later, (at, next(self._order), act))
