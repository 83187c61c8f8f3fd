"""A worker's row on the page: its state in a word, what it runs on, and a sentence for what a person should know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cloud_api.ui.words import WORKER_WORDS, ago
from cloud_api.workers import WorkerView
from shared.nodes.heartbeat import DutyOrder, DutyState, LineState

_WANTED: dict[DutyState, str] = {"paused": "pause", "draining": "drain", "open": "go on"}
_LINE_TROUBLE: dict[LineState, str] = {
    "buffered": "A proxy holds its line back: what it is told reaches it with its next heartbeat.",
    "cut": "A proxy cuts its line: what it is told may reach it with its next heartbeat only.",
}


@dataclass(frozen=True, kw_only=True)
class WorkerRow:
    """One worker."""

    node: str
    state: str
    word: str
    facts: str
    notes: tuple[str, ...]


def worker_row(worker: WorkerView, now: datetime) -> WorkerRow:
    """Return the row of one worker. Figures are coarse, so that the page does not change with every heartbeat."""
    return WorkerRow(
        node=worker.node,
        state=worker.state,
        word=WORKER_WORDS[worker.state],
        facts=", ".join(_facts(worker)),
        notes=tuple(_notes(worker, now)),
    )


def _facts(worker: WorkerView) -> Iterator[str]:
    able = worker.capabilities
    yield (able.gpu_name or "GPU") if able.gpu else f"{able.cpus} cores"
    if not worker.there:
        yield _gone(worker)
        return
    yield f"heard {ago(worker.seen_seconds_ago)}"
    for gpu in worker.gpus:
        use = "" if gpu.use is None else f" {_percent(gpu.use)}"
        yield f"GPU{use} ({gpu.memory_used_mib / 1024:.1f} of {gpu.memory_mib / 1024:.1f} GiB)"
    if worker.load is not None:
        yield f"load {_percent(worker.load)}"
    if worker.power == "battery":
        yield "on battery" if worker.battery is None else f"on battery ({_percent(worker.battery)})"
    elif worker.power == "mains":
        yield "on mains"
    if not worker.mailbox:
        yield "jobs from the ledger"
    elif worker.transport == "rest":
        yield "Redis over HTTPS"
    if worker.line == "closed":
        yield "no line"


def _gone(worker: WorkerView) -> str:
    when = ago(worker.since)
    if worker.state == "offline":
        return f"lost {when}, no goodbye"
    if worker.goodbye == "sleeping":
        return f"went to sleep {when}"
    return f"was stopped {when}" if worker.goodbye == "stopping" else f"heard {ago(worker.seen_seconds_ago)}"


def _notes(worker: WorkerView, now: datetime) -> Iterator[str]:
    if worker.state == "too_old" and worker.why is not None:
        yield worker.why
    if worker.state in {"paused", "draining"}:
        yield _duty(worker, now)
    if worker.wanted is not None:
        yield _wanted(worker, worker.wanted)
    if worker.there and worker.line in _LINE_TROUBLE:
        yield _LINE_TROUBLE[worker.line]


def _duty(worker: WorkerView, now: datetime) -> str:
    left = worker.duty.seconds_left
    until = "Until somebody resumes it" if left is None else f"Until {_clock(now + timedelta(seconds=left), now)}"
    by = f", asked by {worker.by}" if worker.by is not None else ""
    return f"{until}{by}: {worker.duty.note}" if worker.duty.note else f"{until}{by}."


def _wanted(worker: WorkerView, order: DutyOrder) -> str:
    when = "has not followed yet" if worker.there else "will hear of it when it is back"
    return f"Was asked to {_WANTED[order.state]} and {when}."


def _clock(moment: datetime, now: datetime) -> str:
    return moment.strftime("%H:%M UTC" if moment.date() == now.date() else "%d %B, %H:%M UTC")


def _percent(share: float) -> str:
    return f"{round(share * 20) * 5} %"
