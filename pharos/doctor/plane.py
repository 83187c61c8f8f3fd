"""The control plane: does it answer, does it take the token, and do the clocks agree."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pharos.client import PlaneClient
from pharos.doctor.check import LIMIT, Check, Finding, Grade
from pharos.doctor.ways import way_checks
from pharos.loopback import is_loopback
from pharos.target import Target
from shared.errors import PharosError

#: Seconds; beyond this, signatures with a time in them are refused.
_MOST_SKEW, _SOME_SKEW = 60.0, 5.0


def plane_checks(target: Target | PharosError) -> list[Check]:
    """Return the checks of a control plane, or of why none is known."""
    if isinstance(target, PharosError):
        missing = Finding(grade="WARN", found=target.message, fix="pharos up")
        return [Check(group="control plane", name="address", look=lambda: missing, fix="pharos up")]
    fix = f"curl -sS {target.url}/health"
    return [
        Check(group="control plane", name="reachable", look=lambda: look_at_health(target), fix=fix),
        Check(
            group="control plane", name="token", look=lambda: look_at_token(target), fix="export PHAROS_ADMIN_TOKEN=…"
        ),
        Check(group="control plane", name="clock", look=lambda: look_at_clock(target), fix="timedatectl set-ntp true"),
        *way_checks(target),
    ]


def look_at_health(target: Target) -> Finding:
    """Whether the plane answers, and what it says of what it stands on."""
    with _client(target) as client:
        health = client.health()
    parts = ", ".join(f"{name} {part['state']}" for name, part in health["parts"].items())
    found = f"{target.url} is {health['status']} ({parts}); known by {target.source}"
    if health["status"] == "ok":
        return Finding(grade="OK", found=found)
    grade: Grade = "WARN" if health["status"] == "degraded" else "FAIL"
    return Finding(grade=grade, found=found, fix=f"curl -sS {target.url}/health")


def look_at_token(target: Target) -> Finding:
    """Whether the plane takes the token, and whether it travels unread."""
    with _client(target) as client:
        workers = client.workers()
    if target.url.startswith("http://") and not is_loopback(target.url):
        return Finding(grade="WARN", found="accepted, but it travels unencrypted", fix="use an https:// address")
    return Finding(grade="OK", found=f"accepted; {len(workers)} worker(s) heard in the last day")


def look_at_clock(target: Target) -> Finding:
    """How far this machine's clock is from the plane's, to a second."""
    with _client(target) as client:
        date = client.date()
    if date is None:
        return Finding(grade="WARN", found="the answer has no date", fix=f"curl -sSI {target.url}/health")
    skew = (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    found = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the control plane"
    if abs(skew) <= _SOME_SKEW:
        return Finding(grade="OK", found=found)
    return Finding(grade="FAIL" if abs(skew) > _MOST_SKEW else "WARN", found=found, fix="timedatectl set-ntp true")


def _client(target: Target) -> PlaneClient:
    return PlaneClient(target.url, target.token, tell=lambda _: None, patience=LIMIT)
