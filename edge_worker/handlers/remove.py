"""Remove: the vectors of a repository that was removed are deleted where they lie, and what was learned beside them."""

from __future__ import annotations

from dataclasses import dataclass

from edge_worker.handlers.base import Outcome, Reporter, Task
from edge_worker.handlers.training import TrainingStates
from edge_worker.handlers.vectors import COLLECTIONS, discard_below
from shared.stores.base import VectorStore


@dataclass(frozen=True, kw_only=True)
class Remove:
    """The handler."""

    store: VectorStore
    states: TrainingStates

    def __call__(self, task: Task, reporter: Reporter) -> Outcome:
        """Delete every vector that the published generation does not see, or all of them when there is none.

        Raises:
            StoreUnavailable: the store does not answer; the job is tried again.
        """
        reporter.stage("remove")
        known = task.published
        below = known.generation if known is not None else task.generation
        keep = known.generation if known is not None and not known.removed else None
        before = self._count(task)
        for discard in (lambda **how: discard_below(self.store, **how), self.states.discard_below):
            discard(tenant_id=task.tenant_id, repository_id=task.repository_id, generation=below, keep=keep)
        after = self._count(task)
        return Outcome(summary={"vectors_deleted": before - after, "vectors_left": after})

    def _count(self, task: Task) -> int:
        return sum(
            self.store.count(collection, tenant_id=task.tenant_id, repository_id=task.repository_id)
            for collection in COLLECTIONS.values()
        )
