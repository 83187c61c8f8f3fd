"""How the plane and what it stands on are, from memory; and, when asked to, by asking them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cloud_api.delivery import Delivery
from shared.errors import Unavailable
from shared.ledger.postgres import Database
from shared.logs import get_logger
from shared.nodes.heartbeat import Transport

log = get_logger(__name__)

PartState = Literal["connected", "degraded", "down", "unknown", "off"]

#: An answer that takes longer, when asked, is no good one.
_SLOW_MS = 1000.0
#: Seconds for which an answer of the dependencies is good.
_FRESH = 30.0


@dataclass(frozen=True, kw_only=True)
class PartView:
    """One thing that the plane stands on, as it was when it was last used or asked."""

    state: PartState
    age_seconds: float | None = None
    latency_ms: float | None = None
    detail: str | None = None
    #: How Redis is reached.
    transport: Transport | None = None


@dataclass(frozen=True, kw_only=True)
class HealthView:
    """``down`` means that no job can be recorded; ``degraded`` that jobs run, but later than usual."""

    status: Literal["ok", "degraded", "down"]
    parts: Mapping[str, PartView]


@dataclass(frozen=True)
class _Probe:
    at: float
    latency_ms: float | None
    error: str | None


class Health:
    """Remembers what Postgres, Redis and Qdrant last showed."""

    def __init__(
        self,
        *,
        databases: Sequence[Database],
        delivery: Delivery,
        ask_qdrant: Callable[[], None] | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._used = {"postgres": lambda: _newest(databases), "redis": lambda: delivery.known}
        self._delivery = delivery
        self._clock = clock
        self._asks: dict[str, Callable[[], None]] = {"postgres": lambda: _ask(databases)}
        if delivery.configured:
            self._asks["redis"] = lambda: _must(delivery.probe())
        if ask_qdrant is not None:
            self._asks["qdrant"] = ask_qdrant
        self._probes: dict[str, _Probe] = {}
        self._lock = threading.Lock()

    def now(self) -> HealthView:
        """Return what is known; nothing is asked."""
        parts = {name: self._part(name) for name in ("postgres", "redis", "qdrant")}
        if parts["postgres"].state == "down":
            return HealthView(status="down", parts=parts)
        poor = any(part.state in {"down", "degraded"} for part in parts.values())
        return HealthView(status="degraded" if poor else "ok", parts=parts)

    def ready(self) -> HealthView:
        """Ask every dependency, unless that was done within 30 s, and return what is known then."""
        with self._lock:
            newest = min((probe.at for probe in self._probes.values()), default=None)
            if newest is None or len(self._probes) < len(self._asks) or self._clock() - newest > _FRESH:
                self._probes = {name: self._probe(ask) for name, ask in self._asks.items()}
        return self.now()

    def _probe(self, ask: Callable[[], None]) -> _Probe:
        begun = self._clock()
        try:
            ask()
        except Unavailable as error:
            return _Probe(self._clock(), None, error.message)
        return _Probe(self._clock(), (self._clock() - begun) * 1000, None)

    def _part(self, name: str) -> PartView:
        if name not in self._asks:
            return PartView(state="off")
        probe = self._probes.get(name)
        if name in self._used:
            works, age = self._used[name]()
            if works is not None:
                state: PartState = "down" if not works else _pace(probe)
                return PartView(
                    state=state,
                    age_seconds=age,
                    latency_ms=probe.latency_ms if probe else None,
                    transport=self._delivery.transport if name == "redis" else None,
                )
        if probe is None:
            return PartView(state="unknown")
        age = self._clock() - probe.at
        if probe.error is not None:
            return PartView(state="down", age_seconds=age, detail=probe.error)
        return PartView(state=_pace(probe), age_seconds=age, latency_ms=probe.latency_ms)


def _pace(probe: _Probe | None) -> PartState:
    slow = probe is not None and probe.latency_ms is not None and probe.latency_ms > _SLOW_MS
    return "degraded" if slow else "connected"


def _ask(databases: Sequence[Database]) -> None:
    for database in databases:
        with database.connection() as connection:
            connection.execute("select 1")


def _newest(databases: Sequence[Database]) -> tuple[bool | None, float | None]:
    """Return what the role that was used last found; one role's word holds for the server."""
    known = [database.known for database in databases]
    return min(known, key=lambda one: float("inf") if one[1] is None else one[1])


def _must(works: bool) -> None:
    if not works:
        raise Unavailable("The queue does not answer. Jobs are still accepted and run, a little later than usual.")
