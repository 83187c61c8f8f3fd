"""What of the asked text is in memory, within the bytes that there are for it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from edge_worker.compute.memory import give_back
from edge_worker.retrieval.index import Index
from edge_worker.retrieval.shelf import IndexShelf, TooLarge
from shared.errors import NotFound, Unavailable
from shared.logs import get_logger
from shared.nodes.search import Target
from shared.stores.passages import PassageStore

log = get_logger(__name__)

#: Indexes whose sizes are remembered.
_KNOWN = 10_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Held:
    """The indexes that one question looks through. ``whole`` is whether no other had to be left out."""

    indexes: Sequence[tuple[Target, Index]]
    whole: bool


@dataclass(kw_only=True)
class Holdings:
    """Indexes by target. For one thread."""

    store: PassageStore
    budget: int
    _shelf: IndexShelf = field(init=False)
    #: Bytes of each, and of one that is too large by itself more than there are for all: it is not read again.
    _sizes: OrderedDict[tuple[UUID, Target], int] = field(default_factory=OrderedDict, init=False)

    def __post_init__(self) -> None:
        self._shelf = IndexShelf(store=self.store, budget=self.budget)

    def of(self, tenant: UUID, targets: Sequence[Target]) -> Held:
        """Return the indexes of the targets, as many of them as fit side by side, in their order.

        Raises:
            NotFound: the text of none of them is here, or that of one was superseded.
            Unavailable: not even one of them fits.
            StoreUnavailable: the store does not answer.
        """
        found: list[tuple[Target, Index]] = []
        left, too_large = self.budget, list[Target]()
        for target in dict.fromkeys(targets):
            index = self._index(tenant, target, left)
            if index is None:
                too_large.append(target)
                continue
            left -= index.size
            found.append((target, index))
        if not found:
            raise Unavailable(_too_large(too_large[0], self.budget))
        if not any(len(index) for _, index in found):
            self._require_one(found)
        return Held(indexes=[one for one in found if len(one[1])], whole=not too_large)

    def _index(self, tenant: UUID, target: Target, left: int) -> Index | None:
        """Return an index, or ``None`` when it takes more bytes than are left."""
        key = (tenant, target)
        known = self._sizes.get(key)
        if known is not None and known > left:
            return None
        try:
            index = self._shelf.index(tenant, target)
        except (TooLarge, MemoryError):
            self._shelf.clear()
            self._note(key, self.budget + 1)
            return None
        if target.passages not in {None, len(index)}:
            # Its passages were tidied away: what is left of them is no answer.
            self._shelf.clear()
            self._require_one([(target, index)])
            raise NotFound(
                f"A newer text of {target.repository[:200]} was published. Nothing was looked for; ask again."
            )
        if known is None:
            self._note(key, index.size)
        return index if index.size <= left else None

    def _note(self, key: tuple[UUID, Target], size: int) -> None:
        self._sizes[key] = size
        if len(self._sizes) > _KNOWN:
            self._sizes.popitem(last=False)
        # Reading leaves much behind that nobody needs any more.
        give_back()

    def _require_one(self, found: Sequence[tuple[Target, Index]]) -> None:
        """Tell text without a passage from text that lies elsewhere."""
        here = set(self.store.collections())
        if not any(target.collection in here for target, _ in found):
            self._shelf.clear()
            raise NotFound(
                f"The text of {found[0][0].repository[:200]} does not lie here any more. Nothing was looked for. "
                "Index it again, or bring back the folder or server that has it."
            )


def _too_large(target: Target, budget: int) -> str:
    return (
        f"The text of {target.repository[:200]} does not fit into the {budget >> 20:,} MiB that this worker has for "
        "searches, a quarter of its memory. Nothing was looked for. Set PHAROS_MEMORY on the worker to the GiB that "
        "it may take for granted, or search on a larger machine."
    )
