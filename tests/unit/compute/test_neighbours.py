"""The nearest few of each file."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_worker.compute.neighbours import nearest


def directions(count: int, dim: int = 8, *, seed: int = 0) -> NDArray[np.float32]:
    """Return random rows of length 1."""
    rows = np.random.default_rng(seed).normal(size=(count, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def none(count: int) -> NDArray[np.bool_]:
    return np.zeros(count, dtype=np.bool_)


def brute_force(vectors: NDArray[np.float32], isolated: NDArray[np.bool_], own: int, k: int) -> list[int]:
    scores = vectors.astype(np.float64) @ vectors[own].astype(np.float64)
    others = [number for number in range(len(vectors)) if number != own and not isolated[number]]
    return sorted(others, key=lambda number: -scores[number])[:k]


@pytest.mark.parametrize("count", [30, 5_000])
def test_agrees_with_brute_force(count: int) -> None:
    """Numbers and cosines are those of a full comparison, best first, in one block or several."""
    vectors, isolated = directions(count), np.arange(count) % 7 == 3

    found = nearest(vectors, isolated, k=6)

    for own in (0, 1, count // 2 - 1, count - 1):
        wanted = [] if isolated[own] else brute_force(vectors, isolated, own, 6)
        assert [number for number, _ in found[own]] == wanted
        for number, score in found[own]:
            assert score == pytest.approx(float(vectors[own] @ vectors[number]), abs=2e-6)
            assert score == round(score, 6)


def test_isolated_files_have_none_and_are_nobodys() -> None:
    """A file without edges has no neighbours and is among no other file's, even with the same vector."""
    vectors = np.repeat(directions(1), 5, axis=0)
    isolated = np.array([False, True, False, True, False])

    found = nearest(vectors, isolated)

    assert [[number for number, _ in row] for row in found] == [[2, 4], [], [0, 4], [], [0, 2]]


def test_ties_go_by_number() -> None:
    """Among files that score the same, more of them than fit, the lowest numbers come, in order."""
    vectors = np.concatenate([np.repeat(directions(1), 50, axis=0), -directions(1)])

    found = nearest(vectors, none(51), k=4)

    assert [number for number, _ in found[0]] == [1, 2, 3, 4]
    assert [number for number, _ in found[2]] == [0, 1, 3, 4]
    assert [number for number, _ in found[50]] == [0, 1, 2, 3]
    assert {score for _, score in found[0]} == {1.0}
    assert {score for _, score in found[50]} == {-1.0}


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_files_have_few_neighbours(count: int) -> None:
    """There are never more neighbours than other files."""
    found = nearest(directions(count), none(count), k=10)

    assert [len(row) for row in found] == [count - 1] * count
