"""Remove: the vectors of a repository that was removed are deleted where they lie, and what was learned beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edge_worker.handlers.base import Outcome, Reporter, Task
from edge_worker.handlers.passages import count_passages, discard_passages
from edge_worker.handlers.training import TrainingStates
from edge_worker.handlers.vectors import COLLECTIONS, discard_below
from shared.stores.base import VectorStore
from shared.stores.passages import PassageStore


@dataclass(frozen=True, kw_only=True)
class Remove:
    """The handler."""

    store: VectorStore
    passages: PassageStore
    states: TrainingStates

    def __call__(self, task: Task, reporter: Reporter) -> Outcome:
        """Delete every vector that the published generations do not see, or all of them when there are none.

        Raises:
            StoreUnavailable: the store does not answer; the job is tried again.
        """
        reporter.stage("remove")
        known = task.published
        mine: dict[str, Any] = {"tenant_id": task.tenant_id, "repository_id": task.repository_id}
        below = known.generation if known is not None else task.generation
        keep = known.generation if known is not None and not known.removed else None
        text = known.text.generation if known is not None and known.text is not None else None
        before = self._count(task)
        discard_below(self.store, **mine, generation=below, keep=keep)
        self.states.discard_below(**mine, generation=below, keep=keep)
        # Nothing else of the repository runs: what is older than this very job was published, or never will be.
        discard_passages(self.passages, **mine, generation=task.generation, keep=text)
        after = self._count(task)
        return Outcome(summary={"vectors_deleted": before - after, "vectors_left": after})

    def _count(self, task: Task) -> int:
        """Count the vectors of files and of passages."""
        mine: dict[str, Any] = {"tenant_id": task.tenant_id, "repository_id": task.repository_id}
        files = sum(self.store.count(collection, **mine) for collection in COLLECTIONS.values())
        return files + count_passages(self.passages, **mine)
