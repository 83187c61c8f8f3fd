"""The free-plan meter: how near the edge this month is."""

from __future__ import annotations

from dataclasses import dataclass

from cloud_api.budget import Meter, MeterView
from cloud_api.usage import UsageView

_NAMES: dict[Meter, tuple[str, str]] = {
    "redis_commands": ("Redis", ""),
    "postgres_hours": ("Postgres", " h"),
    "host_hours": ("host", " h"),
}


@dataclass(frozen=True, kw_only=True)
class PlanLine:
    """One line of figures, and a sentence for each meter that needs one."""

    figures: str
    warnings: tuple[str, ...]


def plan_line(usage: UsageView) -> PlanLine:
    """Return the month as the page shows it: whole hours, so that the page does not change with every second."""
    return PlanLine(
        figures=" · ".join(_figure(one) for one in usage.meters),
        warnings=tuple(one.warning for one in usage.meters if one.warning is not None),
    )


def _figure(one: MeterView) -> str:
    name, unit = _NAMES[one.meter]
    return f"{name} {int(one.used):,}/{int(one.limit):,}{unit}"
