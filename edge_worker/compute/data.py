"""Data: the file graph as torch_geometric holds one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch_geometric.data import Data
from torch_geometric.utils import remove_self_loops, to_undirected

from edge_worker.compute.device import one_thread


def graph_data(num_nodes: int, edges: Sequence[tuple[int, int]]) -> Data:
    """Return the graph of ``num_nodes`` files: symmetric, sorted, each edge once, no file joined to itself.

    The result does not depend on the order or the direction of ``edges``.

    Raises:
        ValueError: an edge names a node that is not there.
    """
    with one_thread():
        index = torch.tensor(edges, dtype=torch.int64).reshape(-1, 2).t().contiguous()
        if bool(((index < 0) | (index >= num_nodes)).any()):
            raise ValueError(f"an edge leaves the {num_nodes} nodes of the graph")
        index, _ = remove_self_loops(index)
        index = to_undirected(index, num_nodes=num_nodes)
    return Data(edge_index=index, num_nodes=num_nodes)
