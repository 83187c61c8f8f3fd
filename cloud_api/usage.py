"""Usage: what this month has taken of the plans, counted in memory from what this process and the workers say."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, Field, NonNegativeInt

from cloud_api.budget import MeterView, Plan, first_of, judge, midnight
from shared.nodes.heartbeat import Heartbeat

#: Seconds after its last statement for which Neon keeps Postgres awake: fixed on its free plan
#: (https://neon.com/docs/introduction/scale-to-zero). Neon's clock is no clock of ours: tests do not scale it.
SLEEPS_AFTER = 300.0
#: Seconds between two looks at the ledger's totals.
EVERY = 600.0
#: More commands than a worker can have sent between two heartbeats: such a number is not believed.
_ABSURD = 1_000_000
#: Commands of a worker's start. Who comes with no more of them has begun just now, or is hardly worth a doubt.
_START = 50
#: Workers whose last count is remembered, and stretches of time that are kept apart.
_WORKERS, _SPANS = 200, 100
_HOUR = 3600.0

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True, kw_only=True)
class UsageView:
    """The month so far; ``since`` is when counting began."""

    month: date
    since: datetime
    meters: tuple[MeterView, ...]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What a process leaves to the next one, with times of the wall clock."""

    at: AwareDatetime
    since: AwareDatetime
    #: When Postgres goes to sleep if nobody uses it any more.
    awake_until: AwareDatetime
    #: Totals of the month of ``at``, as ``Usage.totals`` gives them.
    totals: dict[str, Amount]
    #: What each worker had sent when it was last heard.
    workers: dict[str, NonNegativeInt]


@dataclass
class Spans:
    """Stretches of time from ``floor`` on, each counted once however many tell of it."""

    floor: float
    _settled: float = 0.0
    _spans: list[tuple[float, float]] = field(default_factory=list)

    def add(self, start: float, end: float) -> None:
        """Count from ``start`` to ``end``, unless it was counted before."""
        start = max(start, self.floor)
        if end <= start:
            return
        apart = []
        for one in self._spans:
            if one[1] < start or one[0] > end:
                apart.append(one)
            else:
                start, end = min(start, one[0]), max(end, one[1])
        self._spans = sorted([*apart, (start, end)])
        while len(self._spans) > _SPANS:
            first = self._spans.pop(0)
            self._settled += first[1] - first[0]
            self.floor = first[1]

    def length(self, now: float) -> float:
        """Return how much of it lies before ``now``."""
        return self._settled + sum(max(0.0, min(end, now) - start) for start, end in self._spans)

    def end(self) -> float:
        """Return when the last of it ends; ``floor`` when there is none."""
        return self._spans[-1][1] if self._spans else self.floor

    def after(self, floor: float) -> Spans:
        """Return what of it lies after ``floor``."""
        rest = Spans(max(self.floor, floor))
        for start, end in self._spans:
            rest.add(start, end)
        return rest


class Usage:
    """Counts this month: Redis commands of plane and workers, and the time for which Postgres and the host are awake.

    Nothing is asked of anybody. What Postgres did between two heartbeats is known by its last use, so a stretch may
    begin a heartbeat too late. Safe on any thread.
    """

    def __init__(
        self,
        *,
        plan: Plan,
        commands: Callable[[], int],
        ledger_idle: Callable[[], Iterable[float | None]],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``commands`` returns what this process has sent, ``ledger_idle`` how long ago it used each database."""
        self._plan = plan
        self._own = commands
        self._ledger_idle = ledger_idle
        self._now = now
        self._clock = clock
        self._lock = threading.Lock()
        self._month, self._since = first_of(now()), now()
        self._host_from = clock()
        self._awake = Spans(clock())
        self._sent, self._grown = 0, 0
        self._workers: dict[str, int] = {}
        self._recalled = False
        #: What others counted of this month before this process.
        self._before: dict[str, float] = {}
        self._merged_at: float | None = None

    def look(self) -> None:
        """Take in what this process did; more often than Postgres falls asleep, or a stretch is missed."""
        with self._lock:
            self._catch_up()

    def hear(self, heartbeat: Heartbeat) -> None:
        """Take in what a worker says."""
        with self._lock:
            now = self._catch_up()
            if heartbeat.ledger_idle is not None:
                self._use(now - heartbeat.ledger_idle)
            self._grown += self._growth(heartbeat.worker, heartbeat.redis_commands)

    def view(self) -> UsageView:
        """Return the month as people see it."""
        month, totals = self.totals()
        now, plan = self._now(), self._plan
        began = max(self._since, midnight(month))
        hours = {meter: totals[f"{meter}_seconds"] / _HOUR for meter in ("postgres", "host")}
        return UsageView(
            month=month,
            since=began,
            meters=(
                judge("redis_commands", used=totals["redis_commands"], limit=plan.redis_commands, began=began, now=now),
                judge("postgres_hours", used=hours["postgres"], limit=plan.postgres_hours, began=began, now=now),
                judge("host_hours", used=hours["host"], limit=plan.host_hours, began=began, now=now),
            ),
        )

    def totals(self) -> tuple[date, dict[str, float]]:
        """Return the month and what it has taken: commands, and seconds awake."""
        with self._lock:
            now = self._catch_up()
            return self._month, {name: self._before.get(name, 0.0) + here for name, here in self._here(now).items()}

    def due(self) -> bool:
        """Return whether the ledger should be told, if Postgres is awake anyway."""
        return self._merged_at is None or self._clock() - self._merged_at >= EVERY

    def merge(self, month: date, known: Mapping[str, float]) -> None:
        """Take in what the ledger knows of a month; larger totals than ours were counted before this process."""
        with self._lock:
            now = self._catch_up()
            first, self._merged_at = self._merged_at is None, now
            if month != self._month:
                return
            for name, here in self._here(now).items():
                total = known.get(name, 0.0)
                if total <= self._before.get(name, 0.0) + here:
                    continue
                # The first time it cannot hold what this process has counted; later on it may.
                self._before[name] = total if first else total - here
                if not self._recalled:
                    # Somebody counted before this process; since when, nobody knows any more.
                    self._since = min(self._since, midnight(month))

    def keep(self) -> Kept:
        """Return what the next process should know."""
        _, totals = self.totals()
        with self._lock:
            now, at = self._now(), self._clock()
            until = now + timedelta(seconds=max(0.0, self._awake.end() - at))
            return Kept(at=now, since=self._since, awake_until=until, totals=totals, workers=dict(self._workers))

    def recall(self, kept: Kept) -> None:
        """Go on from where the process before this one stopped."""
        with self._lock:
            now, at = self._now(), self._catch_up()
            self._recalled = True
            self._since = min(self._since, kept.since)
            self._workers = {**kept.workers, **self._workers}
            # That process counted up to its last word; then Postgres stayed awake for a while, and workers may have
            # used it.
            began = max(kept.at, midnight(self._month))
            self._awake.floor = min(self._awake.floor, at - _ago(now, began))
            until = min(kept.awake_until, kept.at + timedelta(seconds=SLEEPS_AFTER))
            self._awake.add(self._awake.floor, at - _ago(now, until))
            if first_of(kept.at) == self._month:
                self._before = dict(kept.totals)

    def _here(self, now: float) -> dict[str, float]:
        return {
            "redis_commands": float(self._grown),
            "postgres_seconds": self._awake.length(now),
            "host_seconds": now - self._host_from,
        }

    def _catch_up(self) -> float:
        """Take in what this process did, and the turn of a month; return the time on our clock."""
        now, at = self._now(), self._clock()
        for idle in self._ledger_idle():
            if idle is not None:
                self._use(at - idle)
        if first_of(now) != self._month:
            self._turn(now, at)
        sent = self._own()
        self._grown += sent - self._sent
        self._sent = sent
        return at

    def _turn(self, now: datetime, at: float) -> None:
        """Begin a new month where it began, not where somebody looked."""
        begin = at - _ago(now, midnight(first_of(now)))
        self._month, self._before, self._grown = first_of(now), {}, 0
        self._host_from = max(self._host_from, begin)
        self._awake = self._awake.after(begin)

    def _use(self, at: float) -> None:
        self._awake.add(at, at + SLEEPS_AFTER)

    def _growth(self, worker: str, sent: int) -> int:
        """Return what a worker has sent since it was last heard; of a stranger, what can hardly have been counted."""
        stranger = 0 if self._recalled or sent <= _START else sent
        last = self._workers.pop(worker, stranger)
        self._workers[worker] = max(last, sent)
        while len(self._workers) > _WORKERS:
            del self._workers[next(iter(self._workers))]
        grown = sent - last
        return grown if 0 < grown <= _ABSURD else 0


def _ago(now: datetime, moment: datetime) -> float:
    return (now - moment).total_seconds()
