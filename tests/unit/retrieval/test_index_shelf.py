"""Which indexes stay in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

import pytest
from passages_made import alike, indexed, stored

from edge_worker.retrieval.shelf import IndexShelf, TooLarge
from shared.nodes.search import Target
from shared.stores.passages import PassageStore, Stored

TENANT, OTHER = UUID(int=1), UUID(int=2)
_PASSAGES = 50
SIZE = indexed(*alike(_PASSAGES)).size


@dataclass
class Passages:
    """A store of repositories that all have the same passages; knows what was read of it."""

    batches: Sequence[Stored] = field(default_factory=lambda: [stored(alike(_PASSAGES))])
    read_of: list[tuple[str, str, int]] = field(default_factory=list)
    batches_read: int = 0

    def read(self, collection: str, *, tenant_id: str, repository_id: str, generation: int) -> Iterator[Stored]:
        """Yield the batches, and note who asked for what."""
        self.read_of.append((tenant_id, repository_id, generation))
        for batch in self.batches:
            self.batches_read += 1
            yield batch

    def shelf(self, budget: int) -> IndexShelf:
        """Return a shelf over this."""
        return IndexShelf(store=cast("PassageStore", self), budget=budget)


def a_target(name: str = "a", generation: int = 1) -> Target:
    """Return a repository's published text."""
    return Target(repository_id=name, repository=name, collection="text_small_2", generation=generation)


def test_an_index_is_read_once() -> None:
    """The second question gets the index that the first one had read."""
    passages = Passages()
    shelf = passages.shelf(10 * SIZE)

    assert shelf.index(TENANT, a_target()) is shelf.index(TENANT, a_target())
    assert passages.read_of == [(str(TENANT), "a", 1)]


def test_a_new_generation_takes_the_place_of_the_old_one() -> None:
    """What was published since is read, and the older index is not kept beside it."""
    passages = Passages()
    shelf = passages.shelf(int(1.5 * SIZE))
    old = shelf.index(TENANT, a_target(generation=1))

    new = shelf.index(TENANT, a_target(generation=2))

    assert new is not old
    assert shelf.index(TENANT, a_target(generation=2)) is new
    assert [generation for _, _, generation in passages.read_of] == [1, 2]


def test_tenants_share_nothing() -> None:
    """A repository's index is one tenant's alone."""
    passages = Passages()
    shelf = passages.shelf(10 * SIZE)

    assert shelf.index(TENANT, a_target()) is not shelf.index(OTHER, a_target())
    assert [tenant for tenant, _, _ in passages.read_of] == [str(TENANT), str(OTHER)]


def test_collections_are_kept_apart() -> None:
    """The text of another model is another index."""
    shelf = Passages().shelf(10 * SIZE)
    other = replace_collection(a_target(), "text_code_2")

    assert shelf.index(TENANT, a_target()) is not shelf.index(TENANT, other)


def replace_collection(target: Target, collection: str) -> Target:
    """Return the same repository's text in another collection."""
    return target.model_copy(update={"collection": collection})


def test_what_was_asked_longest_ago_goes_first() -> None:
    """Of three indexes where two fit, the two that were asked last stay."""
    passages = Passages()
    shelf = passages.shelf(int(2.5 * SIZE))
    for name in ("a", "b", "a", "c", "a", "c"):
        shelf.index(TENANT, a_target(name))

    assert [name for _, name, _ in passages.read_of] == ["a", "b", "c"]

    shelf.index(TENANT, a_target("b"))

    assert [name for _, name, _ in passages.read_of] == ["a", "b", "c", "b"]


def test_what_never_fits_is_not_read_to_its_end() -> None:
    """Reading stops when it is clear that an index is too large."""
    passages = Passages(batches=[stored(alike(_PASSAGES))] * 100)

    with pytest.raises(TooLarge):
        passages.shelf(2 * SIZE).index(TENANT, a_target())

    assert passages.batches_read < 10


def test_an_index_that_turns_out_too_large_is_not_kept() -> None:
    """An index whose parts seemed to fit is refused all the same when it is larger than all that may be taken."""
    with pytest.raises(TooLarge):
        Passages().shelf(SIZE - 1).index(TENANT, a_target())

    assert len(Passages().shelf(SIZE).index(TENANT, a_target())) == _PASSAGES


def test_an_empty_repository_is_an_empty_index() -> None:
    """Text without a passage can be asked, and has nothing."""
    assert len(Passages(batches=[]).shelf(SIZE).index(TENANT, a_target())) == 0


def test_clearing_lets_go_of_everything() -> None:
    """After that everything is read anew."""
    passages = Passages()
    shelf = passages.shelf(10 * SIZE)
    shelf.index(TENANT, a_target())

    shelf.clear()
    shelf.index(TENANT, a_target())

    assert len(passages.read_of) == 2
