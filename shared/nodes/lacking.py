"""Nobody can: which need no worker meets, and who comes nearest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.nodes.facts import Action, JobFacts, WorkerFacts
from shared.nodes.helps import cancel, start_worker
from shared.nodes.sentences import kinds, lacks, listed, names, wants


@dataclass(frozen=True, kw_only=True)
class Lack:
    """What is missing, and what would help."""

    text: str
    action: Action


def nobody_can(job: JobFacts, workers: Sequence[WorkerFacts]) -> Lack:
    """Return why none of ``workers``, of which there is at least one, can run a job."""
    node = job.needs.node
    if node is not None:
        workers = [worker for worker in workers if worker.node == node]
        if not workers:
            text = f"It is for {node} alone, and nothing was heard of {node} in the last day."
            return Lack(text=text, action=start_worker(node))
    takers = [worker for worker in workers if job.kind in worker.capabilities.kinds]
    if not takers:
        return Lack(text=_no_taker(job, workers), action=cancel(job.id))
    return Lack(text=_no_match(job, takers), action=cancel(job.id))


def _no_taker(job: JobFacts, workers: Sequence[WorkerFacts]) -> str:
    verb = "takes" if len({worker.node for worker in workers}) == 1 else "take"
    taken = tuple(dict.fromkeys(kind for worker in workers for kind in worker.capabilities.kinds))
    only = f"{verb} {kinds(taken)} only" if taken else f"{verb} nothing"
    return f"No worker takes {kinds((job.kind,))}; {names(workers)} {only}, as PHAROS_KINDS says there."


def _no_match(job: JobFacts, workers: Sequence[WorkerFacts]) -> str:
    missing = {worker.worker: lacks(job.needs, worker) for worker in workers}
    nearest = sorted(workers, key=lambda one: (len(missing[one.worker]), *_size(one)))
    bound = f"It is for {job.needs.node} alone and needs" if job.needs.node is not None else "It needs"
    nobody_has = [thing for thing in wants(job.needs) if all(thing in lacked for lacked in missing.values())]
    if not nobody_has:
        closest = nearest[0]
        lacked, has = next(iter(missing[closest.worker].items()))
        text = f"{bound} {listed(wants(job.needs))}, and no worker has all of that."
        return f"{text} {closest.node} comes nearest; it lacks {lacked} ({has})."
    thing = nobody_has[0]
    who = listed(tuple(dict.fromkeys(f"{one.node} {missing[one.worker][thing]}" for one in nearest)))
    more = f" Nobody has {listed(nobody_has[1:])} either." if nobody_has[1:] else ""
    return f"{bound} {thing}; {who}.{more}"


def _size(worker: WorkerFacts) -> tuple[float, float, str]:
    able = worker.capabilities
    return -able.gpu_memory, -able.memory, worker.node
