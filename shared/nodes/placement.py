"""Which lane a job goes on, and which lanes a worker takes from: one pure function each.

A lane is an RQ queue for one set of needs and one priority: ``ingest``, ``ingest+gpu6``, ``ingest+mem16``,
``node:alienware``, ``ingest@urgent``. NORMAL has no suffix.
"""

from __future__ import annotations

from shared.jobs.kinds import Kind, Priority
from shared.nodes.capabilities import Capabilities, Needs


def lane_of(kind: Kind, needs: Needs, priority: Priority) -> str:
    """Return the lane of a job. A job bound to a node goes on that node's own lane, whatever else it needs."""
    base = f"node:{needs.node}" if needs.node is not None else "+".join((str(kind), *_suffixes(needs)))
    return base if priority is Priority.NORMAL else f"{base}@{priority.name.lower()}"


def lanes_for(capabilities: Capabilities, asked: tuple[Needs, ...] = ()) -> tuple[str, ...]:
    """Return a worker's lanes, most urgent first; within a priority its own node, then special needs, then the rest.

    ``asked`` are the needs that queued jobs have at present: lanes are named after what jobs ask for, so only those
    that exist are worth waiting on.
    """
    special = {needs for needs in asked if needs.node is None and _suffixes(needs) and needs.met_by(capabilities)}
    if capabilities.gpu:
        special.add(Needs(gpu=True))
    ordered = sorted(special, key=lambda needs: (-needs.gpu_memory, -needs.memory, _suffixes(needs)))
    shapes = [Needs(node=capabilities.node), *ordered, Needs()]
    lanes = (lane_of(kind, needs, priority) for priority in Priority for needs in shapes for kind in capabilities.kinds)
    return tuple(dict.fromkeys(lanes))


def _suffixes(needs: Needs) -> tuple[str, ...]:
    words = []
    if needs.gpu or needs.gpu_memory:
        words.append(f"gpu{needs.gpu_memory or ''}")
    if needs.memory:
        words.append(f"mem{needs.memory}")
    if needs.model is not None:
        words.append(f"model:{needs.model}")
    return tuple(words)
