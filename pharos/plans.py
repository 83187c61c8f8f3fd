"""The month's plans as a person reads them in a terminal."""

from __future__ import annotations

from pharos.answers import Usage

_NAMES = {"redis_commands": ("Redis", ""), "postgres_hours": ("Postgres", " h"), "host_hours": ("host", " h")}


def figures(usage: Usage) -> str:
    """Return what is used of each plan, and what the month comes to where that is known."""
    return ", ".join(
        f"{name} {one['used']:,.0f}/{one['limit']:,.0f}{unit}"
        + ("" if one["forecast"] is None else f" (month: {one['forecast']:,.0f})")
        for one in usage["meters"]
        for name, unit in (_NAMES.get(one["meter"], (one["meter"], "")),)
    )


def warnings(usage: Usage) -> list[str]:
    """Return a sentence for each plan that may end before the month does."""
    return [one["warning"] for one in usage["meters"] if one["warning"] is not None]
