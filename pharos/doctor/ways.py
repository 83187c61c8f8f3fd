"""The ways to the workers: does a text come back over a line, and how does each worker reach the mailbox."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from pharos.answers import Worker
from pharos.client import PlaneClient
from pharos.doctor.check import LIMIT, Check, Finding
from pharos.target import Target
from shared.errors import NoWorker

#: Seconds that an echo has, within the limit of a check.
_ECHO = 2.0
_THERE = frozenset({"ready", "working"})
_LATE = "orders come with heartbeats, up to 20 s late"
_TROUBLES = {
    "buffered": "{node}'s line is held back by a proxy; " + _LATE,
    "cut": "{node}'s line is cut again and again; " + _LATE,
    "closed": "{node} holds no line; " + _LATE,
}
_NOBODY = Finding(grade="WARN", found="no worker is there", fix="python -m edge_worker, on the machine that is to work")


def way_checks(target: Target) -> list[Check]:
    """Return the checks of what lies between the plane and its workers."""
    return [
        Check(group="workers", name="line", look=lambda: look_at_lines(target), fix="pharos status"),
        Check(group="workers", name="mailbox", look=lambda: look_at_mailbox(target), fix="pharos status"),
    ]


def look_at_lines(target: Target) -> Finding:
    """Whether a worker says a text again over its line, and which workers have none that works."""
    with _client(target) as client:
        there = _there(client)
        if not there:
            return _NOBODY
        try:
            echo = client.echo(seconds=_ECHO)
        except NoWorker:
            echo = None
    # Who answered has a line, whatever its last heartbeat said of it.
    troubled = [one for one in there if one["line"] != "open" and (echo is None or one["worker"] != echo["worker"])]
    said = [f"{echo['node']} answers over its line in {echo['round_trip_ms']:.0f} ms"] if echo is not None else []
    said += [_TROUBLES[one["line"]].format(node=one["node"]) for one in troubled]
    if not troubled and echo is not None:
        return Finding(grade="OK", found=said[0])
    return Finding(grade="WARN", found=". ".join(said) or "no line is open yet", fix=_mend(target, troubled))


def look_at_mailbox(target: Target) -> Finding:
    """How each worker reaches Redis."""
    with _client(target) as client:
        redis, there = client.health()["parts"]["redis"]["state"], _there(client)
    if redis == "off":
        return Finding(grade="OK", found="no Redis is configured; workers look in the ledger when they are told to")
    if not there:
        return Finding(grade="OK", found="no worker is there to reach it")
    # Where one worker comes through by TCP, another that falls back on REST has it blocked.
    mixed = any(one["transport"] == "tcp" for one in there)
    ways = "; ".join(f"{one['node']} {_way(one, mixed=mixed)}" for one in there)
    away = [one["node"] for one in there if one["transport"] is None]
    if away:
        return Finding(grade="WARN", found=ways, fix=f"pharos doctor, on {away[0]}")
    return Finding(grade="OK", found=ways)


def _way(worker: Worker, *, mixed: bool) -> str:
    if worker["transport"] == "rest":
        return "over REST, while others come by TCP: is port 6379 blocked there?" if mixed else "over REST"
    ways = {"tcp": "over TCP", "unix": "over a socket"}
    return ways.get(worker["transport"] or "", "does not reach it; it looks in the ledger when it is told to")


def _mend(target: Target, troubled: Sequence[Worker]) -> str:
    disturbed = [one["node"] for one in troubled if one["line"] in {"buffered", "cut"}]
    if disturbed:
        return f"set NO_PROXY={urlsplit(target.url).hostname} for the worker on {disturbed[0]}"
    where = troubled[0]["node"] if troubled else "its machine"
    return f"look for line_not_held in the worker's log on {where}"


def _there(client: PlaneClient) -> list[Worker]:
    return [one for one in client.workers() if one["state"] in _THERE]


def _client(target: Target) -> PlaneClient:
    return PlaneClient(target.url, target.token, tell=lambda _: None, patience=LIMIT)
