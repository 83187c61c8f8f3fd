"""The file graph as torch_geometric holds it."""

from __future__ import annotations

import pytest
import torch

from edge_worker.compute.data import graph_data


def test_edges_become_symmetric_sorted_and_single() -> None:
    """An edge given twice, backwards or from a file to itself makes one edge each way or none."""
    data = graph_data(4, [(2, 0), (0, 2), (2, 0), (1, 1), (0, 1)])

    assert data.edge_index.tolist() == [[0, 0, 1, 2], [1, 2, 0, 0]]
    assert data.num_nodes == 4
    assert data.is_undirected()


def test_order_and_direction_do_not_matter() -> None:
    """The same edges in another order and direction make the same graph."""
    edges = [(0, 3), (1, 2), (2, 3), (4, 0)]

    one, other = graph_data(5, edges), graph_data(5, [(b, a) for a, b in reversed(edges)])

    assert torch.equal(one.edge_index, other.edge_index)


def test_a_graph_may_be_without_edges_or_nodes() -> None:
    """No edges is an edge index of shape (2, 0), of int64."""
    data = graph_data(0, [])

    assert data.edge_index.shape == (2, 0)
    assert data.edge_index.dtype == torch.int64
    assert data.num_nodes == 0


@pytest.mark.parametrize("edge", [(0, 3), (-1, 0)])
def test_an_edge_to_nowhere_is_refused(edge: tuple[int, int]) -> None:
    """An edge to a node that is not there raises instead of growing the graph."""
    with pytest.raises(ValueError, match="3 nodes"):
        graph_data(3, [edge])
