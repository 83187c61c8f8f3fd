"""Writing passages: in batches, tried again, the kept ones renewed, and counted before anything is published."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from edge_worker.handlers.base import Task
from edge_worker.handlers.spool import Cut
from edge_worker.handlers.vectors import again
from shared.errors import StoreUnavailable
from shared.stores.passages import Held, Passage, PassageStore, Vectors
from shared.textual import PublishedText
from shared.words import words


@dataclass(frozen=True, kw_only=True)
class PassageShelf:
    """The passages of one repository in one collection, as one attempt may change them.

    Whoever reads the published generation sees no difference, wherever a step ends; a step that fails is tried again
    three times with back-off. All raise ``StoreUnavailable`` when the store does not take it.
    """

    store: PassageStore
    collection: str
    dimension: int
    task: Task
    #: The text that this attempt may build on.
    published: PublishedText | None

    def held(self) -> dict[str, Held]:
        """Return what there is to build on, by path."""
        if self.published is None:
            return {}
        return again()(self.store.held, self.collection, **self._mine(), generation=self.published.generation)

    def prepare(self) -> None:
        """Make the collection if it is missing."""
        again()(self.store.prepare, self.collection, dimension=self.dimension)

    def write(self, group: Sequence[Cut], vectors: Vectors) -> None:
        """Write passages of this attempt's generation."""
        again()(self.store.upsert, self.collection, list(self._passages(group, vectors)))

    def complete(self, written: int, *, kept: int, without: Collection[str]) -> None:
        """Renew what is kept, and make sure that this attempt's generation sees all, and nothing else.

        Raises:
            StoreUnavailable: also when another number can be seen than should be.
        """
        if kept and self.published is not None:
            again()(
                self.store.renew,
                self.collection,
                **self._mine(),
                published=self.published.generation,
                generation=self.task.generation,
                without=without,
            )
        seen = again()(self.store.count, self.collection, **self._mine(), generation=self.task.generation)
        if seen != written + kept:
            raise StoreUnavailable(
                f"The vector store holds {seen} of {written + kept} passages. Nothing was published.",
                expected=written + kept,
                found=seen,
            )

    def _passages(self, group: Sequence[Cut], vectors: Vectors) -> Iterator[Passage]:
        for cut, vector in zip(group, vectors, strict=True):
            yield Passage(
                tenant_id=self.task.tenant_id,
                repository_id=self.task.repository_id,
                repository=self.task.repository,
                generation=self.task.generation,
                chunk=cut.chunk,
                blob=cut.blob,
                place=cut.place,
                header=cut.header,
                text=cut.text,
                words=" ".join(words(cut.content)),
                vector=vector,
            )

    def _mine(self) -> dict[str, Any]:
        return {"tenant_id": self.task.tenant_id, "repository_id": self.task.repository_id}


def discard_passages(
    store: PassageStore, *, tenant_id: str, repository_id: str, generation: int, keep: int | None = None
) -> None:
    """Delete a repository's passages of every collection as ``PassageStore.discard_below`` does. Raises as it does."""
    for collection in store.collections():
        store.discard_below(
            collection, tenant_id=tenant_id, repository_id=repository_id, generation=generation, keep=keep
        )


def count_passages(store: PassageStore, *, tenant_id: str, repository_id: str) -> int:
    """Return how many passages of a repository there are in all collections. Raises ``StoreUnavailable``."""
    where: dict[str, Any] = {"tenant_id": tenant_id, "repository_id": repository_id}
    return sum(store.count(collection, **where) for collection in store.collections())
