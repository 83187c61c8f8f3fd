"""A month's budget: what is used of a plan, what the month comes to at this pace, and what it means when it ends."""

from __future__ import annotations

from calendar import month_name
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

Meter = Literal["redis_commands", "postgres_hours", "host_hours"]

#: Seconds of a month that must have been seen before its pace means anything.
ENOUGH = 3600.0
#: The share of a plan from which a person is told, whatever the pace.
NEAR = 0.8
#: The share below which a pace alone alarms nobody: the first busy hour of a month would.
_YOUNG = 0.05


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the plans allow in a month."""

    redis_commands: float
    postgres_hours: float
    host_hours: float


@dataclass(frozen=True, kw_only=True)
class MeterView:
    """One meter; ``used``, ``limit`` and ``forecast`` are commands or hours, as its name says."""

    meter: Meter
    used: float
    limit: float
    #: ``used`` of ``limit``; 1 is all of it.
    share: float
    #: What the month comes to at this pace; ``None`` while too little of it was seen.
    forecast: float | None
    #: When the limit is reached at this pace; ``None`` when it is not, or was before.
    reached_on: date | None
    #: What a person should know, and one thing to do; ``None`` while all is well.
    warning: str | None


def judge(meter: Meter, *, used: float, limit: float, began: datetime, now: datetime) -> MeterView:
    """Return how a meter stands that was counted from ``began``, a time in the month of ``now``."""
    end = next_month(first_of(now))
    seen, left = (now - began).total_seconds(), (midnight(end) - now).total_seconds()
    pace = used / seen if seen >= ENOUGH else None
    reached = None
    if pace is not None and used < limit < used + pace * left:
        reached = (now + timedelta(seconds=(limit - used) / pace)).date()
    return MeterView(
        meter=meter,
        used=used,
        limit=limit,
        share=used / limit,
        forecast=None if pace is None else used + pace * left,
        reached_on=reached,
        warning=_warning(meter, used=used, limit=limit, reached=reached, end=end),
    )


def first_of(moment: datetime) -> date:
    """Return the first day of a moment's month."""
    return moment.date().replace(day=1)


def next_month(month: date) -> date:
    """Return the first day of the month after."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def midnight(day: date) -> datetime:
    """Return when a day begins, in UTC."""
    return datetime.combine(day, time(), tzinfo=UTC)


_NAMES: dict[Meter, str] = {
    "redis_commands": "Redis commands",
    "postgres_hours": "hours of Postgres",
    "host_hours": "hours of this host",
}
_WITHOUT: dict[Meter, str] = {
    "redis_commands": "jobs are still accepted and run from the ledger, a little later",
    "postgres_hours": "Postgres stops and nothing can be recorded; what is recorded stays",
    "host_hours": "this control plane stops and nothing can be submitted; what waits stays and runs later",
}
_HELP: dict[Meter, str] = {
    "redis_commands": "Raise the plan, or pause workers.",
    "postgres_hours": "Raise the plan, or pause workers.",
    "host_hours": "Raise the plan, or stop workers that have nothing to do, so that it can sleep.",
}


def _warning(meter: Meter, *, used: float, limit: float, reached: date | None, end: date) -> str | None:
    of, share = f"{limit:,.0f} {_NAMES[meter]}", used / limit
    means = f"until {_day(end)} {_WITHOUT[meter]}. {_HELP[meter]}"
    if share >= 1:
        return f"This month's {of} are used up: {means}"
    if reached is not None and share >= _YOUNG:
        return f"At this pace this month's {of} end on {_day(reached)}. From then {means}"
    if share >= NEAR:
        return f"{share:.0%} of this month's {of} are used. When they end: {means}"
    return None


def _day(day: date) -> str:
    return f"{day.day} {month_name[day.month]}"
