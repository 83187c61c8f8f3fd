"""Where training starts."""

from __future__ import annotations

import torch
from torch.nn.functional import normalize

from edge_worker.compute.data import graph_data
from edge_worker.compute.graph import Adjacency, adjacency
from edge_worker.compute.spectral import spectral_start


def graph_of(num_nodes: int, edges: list[tuple[int, int]]) -> Adjacency:
    return adjacency(graph_data(num_nodes, edges).edge_index, num_nodes)


def start_of(graph: Adjacency, dim: int) -> torch.Tensor:
    return spectral_start(graph, dim, torch.Generator().manual_seed(0))


def cliques(count: int, size: int) -> list[tuple[int, int]]:
    """Return groups of nodes that are all joined, each group joined to the next by one edge."""
    inside = [(group * size + a, group * size + b) for group in range(count) for a in range(size) for b in range(a)]
    return inside + [(group * size, (group + 1) * size) for group in range(count - 1)]


def test_agrees_with_the_dense_eigenvectors() -> None:
    """Rows have the angles that the leading eigenvectors of the normalised adjacency give them."""
    num_nodes, dim = 240, 12
    graph = graph_of(num_nodes, cliques(dim, num_nodes // dim))
    matrix = torch.zeros((num_nodes, num_nodes), dtype=torch.float64)
    matrix[torch.repeat_interleave(torch.arange(num_nodes), graph.degree), graph.neighbours] = 1.0
    scale = graph.degree.double().rsqrt()
    _, vectors = torch.linalg.eigh(matrix * scale * scale.unsqueeze(1))
    exact = normalize(vectors[:, -dim:])

    start = start_of(graph, dim).double()

    torch.testing.assert_close(start @ start.t(), exact @ exact.t(), atol=0.01, rtol=0)


def test_a_degenerate_spectrum_leaves_no_dimension_empty() -> None:
    """A star, whose matrix has rank 2, starts with rows of length 1 that training can spread over every dimension."""
    start = start_of(graph_of(201, [(0, leaf) for leaf in range(1, 201)]), 64)

    torch.testing.assert_close(start.norm(dim=1), torch.ones(201))
    assert int((start.abs().amax(0) > 1e-6).sum()) == 64


def test_fewer_nodes_than_dimensions() -> None:
    """A graph of three nodes starts in 64 dimensions as well."""
    start = start_of(graph_of(3, [(0, 1), (1, 2)]), 64)

    assert start.shape == (3, 64)
    torch.testing.assert_close(start.norm(dim=1), torch.ones(3))
