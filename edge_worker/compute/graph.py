"""Graph: who may be stepped to from whom, in rows, on whichever device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Adjacency:
    """A graph in rows (CSR): the neighbours of v are ``neighbours[first[v] : first[v + 1]]``, ascending.

    A node that nothing leads out of has itself for its one neighbour, so that every walk can go on.
    """

    first: Tensor
    neighbours: Tensor
    degree: Tensor
    #: Of each entry of ``neighbours``; None where all weigh the same.
    weights: Tensor | None = None
    #: Every edge is there both ways, with one weight.
    symmetric: bool = True

    @property
    def num_nodes(self) -> int:
        return self.degree.numel()

    @property
    def sources(self) -> Tensor:
        """Return the node that each entry of ``neighbours`` belongs to."""
        nodes = torch.arange(self.num_nodes, device=self.degree.device)
        return torch.repeat_interleave(nodes, self.degree)

    @property
    def looped(self) -> bool:
        """Return whether a node that a walk may leave has an edge to itself."""
        sources = self.sources
        return bool(((sources == self.neighbours) & (self.degree[sources] > 1)).any())

    def to(self, device: torch.device) -> Adjacency:
        """Return the same graph on a device."""
        return Adjacency(
            first=self.first.to(device),
            neighbours=self.neighbours.to(device),
            degree=self.degree.to(device),
            weights=None if self.weights is None else self.weights.to(device),
            symmetric=self.symmetric,
        )

    def both_ways(self) -> Adjacency:
        """Return the graph with every edge there both ways; the weights of the two ways are added."""
        if self.symmetric:
            return self
        sources = self.sources
        apart = sources != self.neighbours
        index = torch.stack([sources[apart], self.neighbours[apart]])
        weights = torch.ones_like(index[0], dtype=torch.float64) if self.weights is None else self.weights[apart]
        return adjacency(torch.cat([index, index.flip(0)], 1), self.num_nodes, torch.cat([weights, weights]))

    def strength(self) -> Tensor:
        """Return what the edges out of each node weigh together, in float64."""
        if self.weights is None:
            return self.degree.to(torch.float64)
        zeros = torch.zeros(self.num_nodes, dtype=torch.float64, device=self.degree.device)
        return zeros.index_add_(0, self.sources, self.weights.to(torch.float64))


def adjacency(edge_index: Tensor, num_nodes: int, weights: Tensor | None = None) -> Adjacency:
    """Return the rows of a graph whose edges are given in any order; the weights of an edge given twice are added.

    Raises:
        ValueError: an edge names a node that is not there, or a weight is not a positive number.
    """
    if bool(((edge_index < 0) | (edge_index >= num_nodes)).any()):
        raise ValueError(f"an edge leaves the {num_nodes} nodes of the graph")
    if weights is not None and not bool((weights.isfinite() & (weights > 0)).all()):
        raise ValueError("a weight has to be a positive number")
    keys, weights = _merged(edge_index[0] * num_nodes + edge_index[1], weights)
    sources = keys // max(1, num_nodes)
    neighbours = keys - sources * num_nodes
    symmetric = _symmetric(keys, neighbours * num_nodes + sources, weights)
    degree = torch.bincount(sources, minlength=num_nodes)
    sinks = (degree == 0).nonzero().squeeze(1)
    if sinks.numel():
        looped = torch.cat([keys, sinks * (num_nodes + 1)])
        keys, order = looped.sort(stable=True)
        weights = None if weights is None else torch.cat([weights, weights.new_ones(sinks.numel())])[order]
        neighbours = keys % num_nodes
        degree[sinks] = 1
    first = torch.zeros(num_nodes + 1, dtype=torch.int64, device=keys.device)
    torch.cumsum(degree, 0, out=first[1:])
    return Adjacency(first=first, neighbours=neighbours, degree=degree, weights=weights, symmetric=symmetric)


def _merged(keys: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Return each edge once, in order, with what it weighs; no weights where all weigh the same."""
    if weights is None:
        if bool((keys[1:] > keys[:-1]).all()):
            return keys, None
        return torch.unique(keys), None
    # Equal edges are added lightest first, so that the order of the edges decides no bit of the sum.
    light = weights.to(torch.float64).argsort(stable=True)
    order = light[keys[light].argsort(stable=True)]
    keys, place = torch.unique_consecutive(keys[order], return_inverse=True)
    total = torch.zeros(keys.numel(), dtype=torch.float64, device=keys.device)
    total.index_add_(0, place, weights[order].to(torch.float64))
    return keys, total


def _symmetric(keys: Tensor, flipped: Tensor, weights: Tensor | None) -> bool:
    flipped, order = flipped.sort()
    return torch.equal(flipped, keys) and (weights is None or torch.equal(weights[order], weights))
