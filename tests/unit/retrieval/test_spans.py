"""Pieces of a symbol, and the lines of all of it."""

from __future__ import annotations

import pytest
from passages_made import a_place

from edge_worker.retrieval.spans import spans_of
from shared.stores.passages import Place


@pytest.mark.parametrize(
    ("places", "spans"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param(
            [a_place("f", start=1, end=20), a_place("f", start=22, end=40), a_place("g", start=42, end=50)],
            [(1, 40), (1, 40), (42, 50)],
            id="a long function",
        ),
        pytest.param(
            [a_place("f", start=1, end=3), a_place("f.inner", start=4, end=9), a_place("f", start=10, end=12)],
            [(1, 12), (4, 9), (1, 12)],
            id="one within another",
        ),
        pytest.param(
            [
                a_place("C", kind="class", start=1, end=3),
                a_place("C", kind="class", start=4, end=6),
                a_place("C.m", kind="method", start=7, end=9),
                a_place("C", kind="class", start=10, end=12),
            ],
            [(1, 6), (1, 6), (7, 9), (10, 12)],
            id="a class around its method",
        ),
        pytest.param(
            [a_place("f", start=1, end=3), a_place(start=4, end=4), a_place("f", start=5, end=7)],
            [(1, 3), (4, 4), (5, 7)],
            id="defined twice",
        ),
        pytest.param(
            [a_place("f", start=1, end=3), a_place("f", path="b.py", start=4, end=6)],
            [(1, 3), (4, 6)],
            id="the same name in another file",
        ),
        pytest.param(
            [a_place("f", start=1, end=3), a_place("fetch", start=4, end=6), a_place("f", start=7, end=9)],
            [(1, 3), (4, 6), (7, 9)],
            id="a name that begins alike",
        ),
        pytest.param(
            [a_place("Install", kind="section", start=1, end=9), a_place("Install", kind="section", start=10, end=19)],
            [(1, 9), (10, 19)],
            id="a long section",
        ),
        pytest.param([a_place(start=1, end=3), a_place(start=4, end=6)], [(1, 3), (4, 6)], id="without a name"),
    ],
)
def test_a_piece_knows_the_lines_of_its_symbol(places: list[Place], spans: list[tuple[int, int]]) -> None:
    """A function's pieces have the lines of all of it; what is not one thing stays apart."""
    assert [tuple(span) for span in spans_of(places).tolist()] == spans
