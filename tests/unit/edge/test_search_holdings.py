"""Which indexes a search holds in memory, and what it says when they do not fit or are not there."""

from __future__ import annotations

import pytest
from search_world import TENANT, Passages, a_target

from edge_worker.retrieval.index import Index
from edge_worker.searching.holdings import Holdings
from shared.errors import NotFound, Unavailable

SMALL, LARGE = 2, 4_000


def size_of(passages: int) -> int:
    """Return the bytes of an index of so many."""
    store = Passages({"x": passages})
    return Index.of(store.read("", tenant_id="", repository_id="x", generation=0)).size


def test_an_index_is_read_once() -> None:
    """The second question about a repository reads nothing."""
    passages = Passages({"acme": SMALL})
    holdings = Holdings(store=passages.store, budget=1 << 20)

    first = holdings.of(TENANT, [a_target()])
    again = holdings.of(TENANT, [a_target()])

    assert passages.read_of == ["acme"]
    assert first.whole
    assert first.indexes[0][1] is again.indexes[0][1]


def test_the_same_target_twice_is_looked_through_once() -> None:
    """Whoever names a repository twice gets each hit once."""
    holdings = Holdings(store=Passages({"acme": SMALL}).store, budget=1 << 20)

    assert len(holdings.of(TENANT, [a_target(), a_target()]).indexes) == 1


def test_what_does_not_fit_is_left_out_and_not_read_again() -> None:
    """Of two repositories the one that fits is searched, and the other is read no second time to learn that again."""
    passages = Passages({"acme": SMALL, "huge": LARGE})
    holdings = Holdings(store=passages.store, budget=size_of(SMALL) * 2)
    wanted = [a_target("huge"), a_target()]

    found = [holdings.of(TENANT, wanted) for _ in range(3)]

    assert [[target.repository_id for target, _ in held.indexes] for held in found] == [["acme"]] * 3
    assert not any(held.whole for held in found)
    assert passages.read_of.count("huge") == 1


def test_what_does_not_fit_side_by_side_is_left_out() -> None:
    """Indexes that fit one by one and not together are searched as far as they fit."""
    passages = Passages(dict.fromkeys(("a", "b", "c"), SMALL))
    holdings = Holdings(store=passages.store, budget=int(size_of(SMALL) * 2.5))

    held = holdings.of(TENANT, [a_target(name) for name in ("a", "b", "c")])

    assert [target.repository_id for target, _ in held.indexes] == ["a", "b"]
    assert not held.whole


def test_what_does_not_fit_at_all_is_explained() -> None:
    """When nothing fits, the answer is what to set, not an empty list."""
    holdings = Holdings(store=Passages({"huge": LARGE}).store, budget=1000)

    with pytest.raises(Unavailable, match="PHAROS_MEMORY") as caught:
        holdings.of(TENANT, [a_target("huge")])

    assert type(caught.value) is Unavailable
    assert "github.com/huge/api" in caught.value.message


def test_text_without_passages_is_searched_in_vain() -> None:
    """A repository that has no text is looked through, and nothing is found."""
    holdings = Holdings(store=Passages({}).store, budget=1 << 20)

    held = holdings.of(TENANT, [a_target()])

    assert (list(held.indexes), held.whole) == ([], True)


def test_text_that_is_gone_is_missed() -> None:
    """A collection that is not in the store is told from one in which nothing is found, until it is back."""
    passages = Passages({}, known=())
    holdings = Holdings(store=passages.store, budget=1 << 20)
    with pytest.raises(NotFound, match="does not lie here"):
        holdings.of(TENANT, [a_target()])

    passages.held["acme"] = SMALL

    assert len(holdings.of(TENANT, [a_target()]).indexes) == 1


@pytest.mark.parametrize("left", [0, 1])
def test_what_is_left_of_a_superseded_text_is_no_answer(left: int) -> None:
    """A generation of which passages were tidied away since is said to be gone, however much of it is still there."""
    holdings = Holdings(store=Passages({"acme": left}).store, budget=1 << 20)

    with pytest.raises(NotFound, match="A newer text"):
        holdings.of(TENANT, [a_target().model_copy(update={"passages": 3})])
