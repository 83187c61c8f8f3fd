"""Which lane a job goes on, and which lanes a worker takes from: one pure function each.

A lane is an RQ queue for one set of needs and one priority: ``ingest``, ``ingest+gpu6``, ``node:alienware``,
``ingest@urgent``. NORMAL has no suffix.
"""

from __future__ import annotations

from shared.jobs.kinds import Kind, Priority
from shared.nodes.capabilities import Capabilities, Needs


def lane_of(kind: Kind, needs: Needs, priority: Priority) -> str:
    """Return the lane of a job. A job bound to a node goes on that node's own lane, whatever else it needs."""
    if needs.node is not None:
        base = f"node:{needs.node}"
    elif needs.gpu or needs.gpu_memory:
        base = f"{kind}+gpu{needs.gpu_memory or ''}"
    else:
        base = str(kind)
    return base if priority is Priority.NORMAL else f"{base}@{priority.name.lower()}"


def lanes_for(capabilities: Capabilities, asked: tuple[Needs, ...] = ()) -> tuple[str, ...]:
    """Return a worker's lanes, most urgent first; within a priority its own node, then its GPU, then the rest.

    ``asked`` are the needs that queued jobs have at present: GPU lanes are named after the memory that jobs ask for,
    so only those that exist are worth waiting on.
    """
    shapes = [Needs(node=capabilities.node)]
    if capabilities.gpu:
        sizes = {0} | {needs.gpu_memory for needs in asked if needs.node is None and needs.met_by(capabilities)}
        shapes += [Needs(gpu=True, gpu_memory=size) for size in sorted(sizes, reverse=True)]
    shapes.append(Needs())
    lanes = (lane_of(kind, needs, priority) for priority in Priority for needs in shapes for kind in capabilities.kinds)
    return tuple(dict.fromkeys(lanes))
