"""ProNE: vectors without a walk."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import torch
from compute_graphs import communities, digest, embed
from test_node2vec import scores

from edge_worker.compute.prone import _bessel
from edge_worker.compute.trainer import Parameters

PRONE = Parameters(method="prone")


def test_learns_communities() -> None:
    """The blocks are found from the vectors, and held-out edges rank above pairs of the same ends."""
    labels, links = scores(communities(600, 6), PRONE)

    assert labels > 0.75
    assert links > 0.65


def test_same_bits_in_any_edge_order() -> None:
    """The vectors are equal to the bit across runs and edge orders; there is no walk and no state."""
    edges = communities(120, 3).edges
    shuffled = random.Random(5).sample(edges, len(edges))

    first, again = embed(120, edges, PRONE), embed(120, shuffled, PRONE)

    assert digest(first) == digest(again)
    assert first.stats.walks == 0
    assert first.state is None
    np.testing.assert_allclose(np.linalg.norm(first.vectors, axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize(
    "edges", [[(0, 1)], [(0, 1), (1, 2)], [(0, leaf) for leaf in range(1, 90)]], ids=["pair", "path", "star"]
)
def test_small_and_degenerate_graphs(edges: list[tuple[int, int]]) -> None:
    """Fewer nodes or less rank than dimensions still gives finite vectors of length 1."""
    vectors = embed(1 + max(max(edge) for edge in edges), edges, PRONE).vectors

    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("order", [0, 1])
def test_bessel_agrees_with_torch(order: int) -> None:
    """The series is the function that torch has for the first two orders."""
    known = (torch.special.i0, torch.special.i1)[order](torch.tensor(0.5, dtype=torch.float64))

    assert math.isclose(_bessel(order), float(known), rel_tol=1e-12)
