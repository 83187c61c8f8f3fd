"""How candidates come into an order."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from passages_made import a_place, a_vector, alike, indexed

from edge_worker.retrieval.candidates import FEATURES, candidates
from edge_worker.retrieval.index import Index
from edge_worker.retrieval.postings import Floats
from edge_worker.retrieval.ranker import WEIGHTS, Ranked, Ranker, scaled, shipped
from shared.nodes.search import Filters

_NEAREST = Ranker(version="test", weights=(1, 0, 0, 0, 0), without_vector=(0, 1, 0, 0, 0))
_EAST, _NORTH = (1.0, 0.0), (0.0, 1.0)


def _ranked(*indexes: Index, query: str = "retry", ranker: Ranker = _NEAREST, limit: int = 10) -> list[Ranked]:
    return ranker.rank(candidates([(index, a_vector(*_EAST)) for index in indexes], query, Filters()), limit)


def test_the_best_comes_first() -> None:
    """Hits come by falling score, no more than asked for."""
    index = indexed(*[(a_place(f"f{at}"), "text", (float(at), 1.0)) for at in range(5)])

    ranked = _ranked(index, limit=3)

    assert [one.place.symbol for one in ranked] == ["f4", "f3", "f2"]
    assert ranked[0].score > ranked[1].score > ranked[2].score


def test_a_symbol_is_found_once() -> None:
    """Of a function in pieces the best piece is the hit, and it stands for the lines of all of them."""
    index = indexed(
        (a_place("f", start=1, end=20), "begins", (0.8, 0.6)),
        (a_place("f", start=21, end=40), "goes on", _EAST),
        (a_place("f", path="b.py"), "another of the name", _NORTH),
    )

    ranked = _ranked(index)

    assert [(one.number, one.place.path, one.place.start, one.place.end) for one in ranked] == [
        (1, "a.py", 1, 40),
        (2, "b.py", 1, 5),
    ]


def test_what_has_no_name_is_found_each_for_itself() -> None:
    """Stretches of a file without a symbol are hits of their own."""
    index = indexed((a_place(start=1, end=9), "one", _EAST), (a_place(start=10, end=19), "two", _EAST))

    assert [one.place.start for one in _ranked(index)] == [1, 10]


def test_the_same_symbol_of_two_repositories_is_found_twice() -> None:
    """A symbol is one per repository: its namesake next door is another hit."""
    twins = [indexed((a_place("f"), "text", _EAST)) for _ in range(2)]

    assert [one.index is twin for one, twin in zip(_ranked(*twins), twins, strict=True)] == [True, True]


def test_ties_keep_their_order() -> None:
    """What is equally good comes by repository as asked, then by path and line."""
    one, other = indexed(*alike(3)), indexed(*alike(3))

    ranked = _ranked(one, other)

    assert [(found.index is one, found.number) for found in ranked] == [
        (True, 0),
        (True, 1),
        (True, 2),
        (False, 0),
        (False, 1),
        (False, 2),
    ]


def test_targets_are_one_list() -> None:
    """The better hit comes first whichever repository it is in."""
    one = indexed((a_place("good"), "text", _EAST), (a_place("bad"), "text", _NORTH))
    other = indexed((a_place("best"), "text", (1.0, -0.0)), (a_place("fair"), "text", (0.7, 0.3)))

    assert [found.place.symbol for found in _ranked(one, other)] == ["good", "best", "fair", "bad"]


def test_without_a_vector_it_has_other_weights() -> None:
    """While nothing is known of nearness, the weights that were fitted to that are used."""
    index = indexed((a_place("f"), "retry and much else beside", _EAST), (a_place("g"), "retry", _NORTH))

    ranked = _NEAREST.rank(candidates([(index, None)], "retry", Filters()), 10)

    assert [one.place.symbol for one in ranked] == ["g", "f"]


def test_what_is_not_known_speaks_neither_for_nor_against() -> None:
    """A repository of another model, whose nearness is unknown, stands between the near and the far."""
    known = indexed((a_place("near"), "text", _EAST), (a_place("far"), "text", _NORTH))
    other = indexed((a_place("retry"), "text", _EAST))

    ranked = _NEAREST.rank(candidates([(known, a_vector(*_EAST)), (other, None)], "retry", Filters()), 10)

    assert [one.place.symbol for one in ranked] == ["near", "retry", "far"]


@pytest.mark.parametrize("indexes", [[], [indexed()]], ids=["no index", "an empty index"])
def test_of_nothing_nothing_is_ranked(indexes: list[Index]) -> None:
    """Without candidates there are no hits."""
    assert _ranked(*indexes) == []


@given(arrays(np.float32, st.tuples(st.integers(1, 9), st.just(3)), elements=st.floats(-100, 100, width=32)))
def test_scaled_columns_have_mean_0_and_deviation_1(features: Floats) -> None:
    """Every column comes to mean 0 and deviation 1, but one that is the same throughout to 0."""
    found = scaled(features)

    assert found.mean(axis=0) == pytest.approx(0, abs=1e-3)
    for column, before in zip(found.T, features.T, strict=True):
        if before.std() > 1e-2:
            assert column.std() == pytest.approx(1, abs=1e-3)
        if np.ptp(before) == 0:
            assert (column == 0).all()


def test_scaling_leaves_out_what_is_not_known() -> None:
    """A missing number is 0 once scaled, and the others are scaled as if it were not there."""
    column = np.array([[1.0], [np.nan], [3.0]], dtype=np.float32)

    assert scaled(column).tolist() == [[-1.0], [0.0], [1.0]]


def test_the_shipped_weights_are_those_of_the_file() -> None:
    """Every feature has a weight by its name, with a vector and without, and the file names its version."""
    written = json.loads(WEIGHTS.read_text(encoding="utf-8"))

    assert shipped().version == written["version"]
    assert shipped().weights == tuple(written["weights"][name] for name in FEATURES)
    assert shipped().without_vector == tuple(written["without_vector"][name] for name in FEATURES)
    assert set(written["weights"]) == set(written["without_vector"]) == set(FEATURES)


def test_what_is_asked_for_by_name_comes_first() -> None:
    """With the shipped weights a function called so beats one that mentions it, other things being equal."""
    index = indexed(
        (a_place("other"), "resolve redirects somewhere in here", _EAST),
        (a_place("resolve_redirects"), "while follow is set and more", _EAST),
        *alike(20),
    )

    assert _ranked(index, query="resolve redirects", ranker=shipped())[0].place.symbol == "resolve_redirects"
