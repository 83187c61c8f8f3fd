"""Writing vectors: in batches, tried again, the kept ones renewed, and counted before anything is published."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from edge_worker.handlers.base import Reporter, Task
from shared.errors import StoreUnavailable
from shared.jobs.payloads import Method
from shared.stores.base import Point, VectorStore

DIMENSION = 64
#: Method and dimension are part of the name: other vectors are another collection.
COLLECTIONS: Mapping[Method, str] = {"node2vec": "structure_node2vec_64", "prone": "structure_prone_64"}

#: Points a batch; more where it would take more than so many batches, since each is a commit of its own.
BATCH = 100
_BATCHES = 100
_TRIES = 4


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What of the published generation stays as it is: so many points, all but those of the paths in ``without``."""

    count: int
    without: Collection[str]


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """The vectors of one repository in one collection, as one attempt may change them."""

    store: VectorStore
    collection: str
    task: Task

    def holds(self, count: int) -> bool:
        """Return whether the published generation sees exactly so many points here.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        published = self.task.published
        if published is None:
            return False
        seen = again()(self.store.count, self.collection, **self._mine(), generation=published.generation)
        return seen == count

    def write(self, points: Iterable[Point], total: int, *, kept: Kept | None, reporter: Reporter) -> None:
        """Write the points of this attempt's generation and renew what it keeps.

        A step that fails is tried again three times with back-off. Whoever reads the published generation sees no
        difference, wherever this ends.

        Raises:
            StoreUnavailable: the store did not take them, or another number can be seen than should be.
        """
        tries, generation = again(), self.task.generation
        tries(self.store.prepare, self.collection, dimension=DIMENSION)
        rest, written = iter(points), 0
        size = max(BATCH, -(-total // _BATCHES))
        while batch := list(islice(rest, size)):
            tries(self.store.upsert, self.collection, batch)
            written += len(batch)
            reporter.stage("store", written, total)
        if kept is not None and self.task.published is not None:
            tries(
                self.store.renew,
                self.collection,
                **self._mine(),
                published=self.task.published.generation,
                generation=generation,
                without=kept.without,
            )
        expected = written + (kept.count if kept is not None else 0)
        seen = tries(self.store.count, self.collection, **self._mine(), generation=generation)
        if seen != expected:
            raise StoreUnavailable(
                f"The vector store holds {seen} of {expected} vectors. Nothing was published.",
                expected=expected,
                found=seen,
            )

    def _mine(self) -> dict[str, Any]:
        return {"tenant_id": self.task.tenant_id, "repository_id": self.task.repository_id}


def discard_below(
    store: VectorStore, *, tenant_id: str, repository_id: str, generation: int, keep: int | None = None
) -> None:
    """Delete a repository's points of every collection as ``VectorStore.discard_below`` does. Raises as it does."""
    for collection in COLLECTIONS.values():
        store.discard_below(
            collection, tenant_id=tenant_id, repository_id=repository_id, generation=generation, keep=keep
        )


def again() -> Retrying:
    """Return what tries a step of a store up to four times, with back-off in between."""
    return Retrying(
        retry=retry_if_exception_type(StoreUnavailable),
        stop=stop_after_attempt(_TRIES),
        wait=wait_random_exponential(multiplier=0.5, max=10),
        reraise=True,
    )
