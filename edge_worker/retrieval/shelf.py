"""The indexes that are in memory: those asked last, as many as fit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from edge_worker.retrieval.index import OBJECTS, Index
from shared.nodes.search import Target
from shared.stores.passages import PassageStore, Stored

_Key = tuple[UUID, str, str]


class TooLarge(Exception):
    """An index alone takes more memory than there is for all."""


@dataclass(kw_only=True)
class IndexShelf:
    """Keeps the newest generation's index of each target, within ``budget`` bytes. For one thread."""

    store: PassageStore
    budget: int
    _kept: OrderedDict[_Key, tuple[int, Index]] = field(default_factory=OrderedDict, init=False)

    def index(self, tenant: UUID, target: Target) -> Index:
        """Return the index of a target, read from the store unless it is here.

        Raises:
            TooLarge: it does not fit, however little else is kept.
            StoreUnavailable: the store does not answer.
        """
        key = (tenant, target.repository_id, target.collection)
        known = self._kept.get(key)
        if known is not None and known[0] == target.generation:
            self._kept.move_to_end(key)
            return known[1]
        self._kept.pop(key, None)
        index = Index.of(self._within(self._read(tenant, target)))
        self._make_room(index.size)
        self._kept[key] = (target.generation, index)
        return index

    def clear(self) -> None:
        """Let go of everything."""
        self._kept.clear()

    def _read(self, tenant: UUID, target: Target) -> Iterator[Stored]:
        return self.store.read(
            target.collection,
            tenant_id=str(tenant),
            repository_id=target.repository_id,
            generation=target.generation,
        )

    def _within(self, batches: Iterator[Stored]) -> Iterator[Stored]:
        """Pass on what fits, by letting go of others as it grows; its words take about what they are written with."""
        taken = 0
        for batch in batches:
            taken += batch.vectors.nbytes + OBJECTS * len(batch.texts)
            taken += sum(map(len, batch.texts)) + sum(map(len, batch.words))
            self._make_room(taken)
            yield batch

    def _make_room(self, size: int) -> None:
        if size > self.budget:
            raise TooLarge
        left = self.budget - size - sum(index.size for _, index in self._kept.values())
        while left < 0:
            left += self._kept.popitem(last=False)[1][1].size
