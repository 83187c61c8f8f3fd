"""Remove: the vectors of a repository that was removed are deleted where they lie."""

from __future__ import annotations

from dataclasses import dataclass

from edge_worker.handlers.base import Outcome, Reporter, Task
from edge_worker.handlers.ingest import COLLECTION
from shared.stores.base import VectorStore


@dataclass(frozen=True, kw_only=True)
class Remove:
    """The handler."""

    store: VectorStore

    def __call__(self, task: Task, reporter: Reporter) -> Outcome:
        """Delete every vector that is older than what is published, or all of them when nothing is.

        Raises:
            StoreUnavailable: the store does not answer; the job is tried again.
        """
        reporter.stage("remove")
        below = task.published.generation if task.published is not None else task.generation
        before = self.store.count(COLLECTION, tenant_id=task.tenant_id, repository_id=task.repository_id)
        self.store.discard_below(
            COLLECTION, tenant_id=task.tenant_id, repository_id=task.repository_id, generation=below
        )
        after = self.store.count(COLLECTION, tenant_id=task.tenant_id, repository_id=task.repository_id)
        return Outcome(summary={"vectors_deleted": before - after, "vectors_left": after})
