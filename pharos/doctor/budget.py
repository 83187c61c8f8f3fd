"""The month's budget: do the plans last."""

from __future__ import annotations

from pharos.client import PlaneClient
from pharos.doctor.check import LIMIT, Check, Finding
from pharos.plans import figures, warnings
from pharos.target import Target
from shared.errors import PharosError

_FIX = "raise the plan, or: pharos workers pause NODE --for 24h"


def budget_checks(target: Target | PharosError) -> list[Check]:
    """Return the check of this month's plans; none where no control plane is known that could tell."""
    if isinstance(target, PharosError):
        return []
    return [Check(group="budget", name="plans", look=lambda: look_at_plans(target), fix="pharos status")]


def look_at_plans(target: Target) -> Finding:
    """Whether Redis commands and the hours of Postgres and of the host last until the month ends."""
    with PlaneClient(target.url, target.token, tell=lambda _: None, patience=LIMIT) as client:
        usage = client.usage()
    found = warnings(usage)
    if found:
        return Finding(grade="WARN", found=" ".join(found), fix=_FIX)
    return Finding(grade="OK", found=f"this month: {figures(usage)}")
