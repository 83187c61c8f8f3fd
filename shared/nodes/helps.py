"""What would help: the one action for each trouble, with the exact command where there is one."""

from __future__ import annotations

from shared.nodes.facts import Action, WorkerFacts

#: What starts a worker on a machine that was set up for it.
START = "pharos worker"
_DOCTOR = "pharos doctor"


def start_worker(node: str | None = None) -> Action:
    """Start a worker: on that node, or anywhere."""
    where = f"On {node}" if node is not None else "On the machine that should do the work"
    return Action(code="start_worker", text=f"{where}, start a worker", command=START, node=node)


def examine_worker(node: str) -> Action:
    """Look what keeps a worker from its work."""
    return Action(code="examine_worker", text=f"If this lasts, run on {node}", command=_DOCTOR, node=node)


def examine_plane() -> Action:
    """Look what the control plane cannot reach."""
    return Action(code="examine_plane", text="See what does not answer", command=_DOCTOR)


def cancel(job_id: str) -> Action:
    """Give a job up that nobody can do."""
    return Action(
        code="cancel_job", text="Connect a worker that can, or cancel it", command=f"pharos jobs cancel {job_id}"
    )


def heal(worker: WorkerFacts, *, update: str) -> Action:
    """End a worker's trouble. ``update`` brings a machine up to date."""
    node = worker.node
    if worker.state in {"paused", "draining"}:
        return Action(code="resume_worker", text=f"Resume {node}", command=f"pharos workers resume {node}")
    if worker.state == "too_old" and worker.newer:
        return Action(code="examine_plane", text="Deploy the control plane anew; it is older than its workers")
    if worker.state == "too_old":
        text = f"On {node}, update Pharos and start the worker again"
        return Action(code="update_worker", text=text, command=update, node=node)
    if worker.goodbye == "sleeping":
        return Action(code="wake_worker", text=f"Wake {node}")
    if worker.goodbye == "stopping":
        return start_worker(node)
    return Action(
        code="examine_worker", text=f"See whether {node} is on and online; then run on it", command=_DOCTOR, node=node
    )
