"""Facts about jobs and workers as the tests of reasons need them, with every field defaulted."""

from __future__ import annotations

from typing import Any

from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.nodes.capabilities import Capabilities, Needs
from shared.nodes.facts import JobFacts, QueueFacts, WorkerFacts

UPDATE = "git pull"
HOUR = 3600.0
GPU = {"gpu": True, "gpu_memory": 8.0}


def a_worker(node: str = "rig", **changes: Any) -> WorkerFacts:
    """Return a worker that is ready; capabilities may be named beside its own fields."""
    able = {name: changes.pop(name) for name in list(changes) if name in Capabilities.model_fields}
    said = {
        "worker": f"{node}.1",
        "state": "ready",
        "version": "0.1.0",
        "capabilities": Capabilities(node=node, **able),
    }
    return WorkerFacts(**{**said, **changes})


def an_open_job(name: str = "api", **changes: Any) -> JobFacts:
    """Return a job that waits for its first start and is skipped in a day; its id is its repository's name."""
    said = {
        "id": name,
        "kind": Kind.INGEST,
        "repository": f"github.com/acme/{name}",
        "repository_id": name,
        "state": State.QUEUED,
        "needs": Needs(),
        "deadline_in": 24 * HOUR,
    }
    return JobFacts(**{**said, **changes})


def a_running_job(name: str = "web", node: str = "rig", **changes: Any) -> JobFacts:
    """Return a job that a node's worker has had for 10 s."""
    running = {"state": State.RUNNING, "started": True, "deadline_in": None, "running_for": 10.0}
    return an_open_job(name, **{**running, "node": node, "worker": f"{node}.1", **changes})


def the_queue(**changes: Any) -> QueueFacts:
    """Return a way to the workers that works."""
    return QueueFacts(**{"update": UPDATE, **changes})
