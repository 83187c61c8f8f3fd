"""The walker keeps node2vec's law."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from edge_worker.compute.data import graph_data
from edge_worker.compute.walker import Adjacency, BiasedWalker, UniformWalker, Walker, adjacency, walker_for

LAWS = [(1.0, 1.0), (0.5, 2.0), (2.0, 0.5), (4.0, 1.0), (0.25, 4.0), (1.0, 0.25), (4.0, 4.0), (0.25, 0.25), (0.25, 1.0)]


def small_graph() -> tuple[Adjacency, Tensor]:
    """A connected graph of 15 nodes with triangles and a tail of two, and its matrix."""
    generator = torch.Generator().manual_seed(3)
    drawn = (torch.rand((13, 13), generator=generator) < 0.3).nonzero().tolist()
    ring = [(node, (node + 1) % 13) for node in range(13)]
    data = graph_data(15, [*map(tuple, drawn), *ring, (0, 13), (13, 14)])
    matrix = torch.zeros((15, 15), dtype=torch.bool)
    matrix[data.edge_index[0], data.edge_index[1]] = True
    return adjacency(data.edge_index, 15), matrix


def law(matrix: Tensor, p: float, q: float) -> Tensor:
    """The probability of x after (t, v), written down from the paper; rows that cannot occur are zero."""
    here = matrix.unsqueeze(0).double()
    alpha = torch.where(matrix.unsqueeze(1), 1.0, 1.0 / q).double().repeat(1, len(matrix), 1)
    alpha[torch.arange(len(matrix)), :, torch.arange(len(matrix))] = 1.0 / p
    weight = alpha * here * matrix.unsqueeze(2)
    return weight / weight.sum(2, keepdim=True).clamp(min=1e-300)


def p_value(walker: Walker, matrix: Tensor, expected_law: Tensor) -> float:
    """The chi-square test of 240,000 second-order steps against a law; 0 for a step that the law forbids."""
    size = len(matrix)
    starts = torch.arange(size).repeat(240_000 // 8 // size)
    walks = walker.walk(starts, 10, torch.Generator().manual_seed(11))
    triples = walks.unfold(1, 3, 1).reshape(-1, 3)
    code = (triples[:, 0] * size + triples[:, 1]) * size + triples[:, 2]
    seen = torch.bincount(code, minlength=size**3).reshape(size, size, size).double()
    if seen[expected_law == 0].any():
        return 0.0
    expected = expected_law * seen.sum(2, keepdim=True)
    cells = expected >= 5
    statistic = ((seen - expected).square() / expected)[cells].sum()
    freedom = (cells.sum(2) - 1).clamp(min=0).sum()
    return float(torch.special.gammaincc(freedom / 2, statistic / 2))


@pytest.mark.parametrize(("p", "q"), LAWS)
def test_biased_walk_keeps_the_papers_law(p: float, q: float) -> None:
    """The biased walk takes every step as often as alpha_pq says, for p and q on both sides of 1."""
    graph, matrix = small_graph()

    found = p_value(BiasedWalker(graph, p=p, q=q), matrix, law(matrix, p, q))

    assert found > 0.001


def test_uniform_walk_takes_every_neighbour_as_often() -> None:
    """The walk for p = q = 1 is the first-order random walk."""
    graph, matrix = small_graph()

    found = p_value(UniformWalker(graph), matrix, law(matrix, 1.0, 1.0))

    assert found > 0.001


def test_the_test_tells_laws_apart() -> None:
    """A uniform walk is refused by the test for p = 0.5, q = 2, and a p, q walk with the two exchanged as well."""
    graph, matrix = small_graph()
    wanted = law(matrix, 0.5, 2.0)

    uniform = p_value(UniformWalker(graph), matrix, wanted)
    exchanged = p_value(BiasedWalker(graph, p=2.0, q=0.5), matrix, wanted)

    assert uniform < 1e-9
    assert exchanged < 1e-9


@pytest.mark.parametrize(("p", "q"), [(1.0, 1.0), (0.5, 2.0)])
def test_walks_start_where_told_and_repeat_with_the_seed(p: float, q: float) -> None:
    """Walks are int64, one a start with the start first, and the same seed walks the same way."""
    graph, _ = small_graph()
    starts = torch.tensor([14, 0, 5, 5])
    walker = walker_for(graph, p=p, q=q)

    first, again, other = (walker.walk(starts, 12, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))

    assert first.shape == (4, 12)
    assert first.dtype == torch.int64
    assert first[:, 0].tolist() == starts.tolist()
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("length", [1, 2])
def test_short_walks(length: int) -> None:
    """A walk may be a single node or a single step, also with p and q."""
    graph, matrix = small_graph()

    walks = BiasedWalker(graph, p=0.5, q=2.0).walk(torch.arange(15), length, torch.Generator().manual_seed(0))

    assert walks.shape == (15, length)
    assert matrix[walks[:, 0], walks[:, -1]].all() or length == 1
