"""Noise: nodes that stand for "anything else" while a pair is learnt, drawn by how often walks come by."""

from __future__ import annotations

import torch
from torch import Tensor

from edge_worker.compute.graph import Adjacency

#: Word2vec's: rare nodes are drawn a little more often than they are met.
_FLATTENING = 0.75
#: Entries of the urn for each node, on average ...
_ENTRIES = 32
#: ... and in all, at most.
_LARGEST = 2**23


class Noise:
    """An urn that holds each node as often as it is to be drawn; a draw is one look into it, however many nodes."""

    def __init__(self, graph: Adjacency) -> None:
        # In the long run a walk is at a node as often as what it weighs in the graph, seen from both sides.
        share = graph.both_ways().strength().pow(_FLATTENING).cumsum(0)
        size = min(_ENTRIES * graph.num_nodes, _LARGEST)
        ends = share.mul_(size / float(share[-1])).round_().to(torch.int64)
        counts = ends.diff(prepend=ends.new_zeros(1))
        self._urn = torch.repeat_interleave(torch.arange(graph.num_nodes, device=counts.device), counts)

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Return int64 nodes."""
        places = torch.randint(self._urn.numel(), shape, generator=generator, device=self._urn.device)
        return self._urn[places]
