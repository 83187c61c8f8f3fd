"""Places: how many jobs go before one, among all of its kind and among those that the same workers will take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.nodes.facts import JobFacts


def places(jobs: Sequence[JobFacts]) -> Mapping[str, int]:
    """Number the jobs that wait for their first start, each kind for itself, as the ledger does."""
    counted: Counter[Kind] = Counter()
    found = {}
    for job in jobs:
        if job.in_line:
            counted[job.kind] += 1
            found[job.id] = counted[job.kind]
    return found


def ahead(
    jobs: Sequence[JobFacts], takers: Callable[[JobFacts], frozenset[str]], held: Collection[str]
) -> Mapping[str, int]:
    """Return how many jobs that may start now go before each: those that one of its ``takers`` would take, too."""
    counted: Counter[frozenset[str]] = Counter()
    found = {}
    for job in jobs:
        if job.state is not State.QUEUED or job.due_in > 0 or job.cancelling or job.id in held:
            continue
        mine = takers(job)
        found[job.id] = sum(number for others, number in counted.items() if others & mine)
        counted[mine] += 1
    return found
