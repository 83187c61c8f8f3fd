"""Mixture: node2vec's walk on a graph without weights, directions and loops, without a refusal.

What may follow the step from t to v falls into three groups, t itself, the common neighbours of t and v, and the rest;
within a group every step is as likely. So a step is one draw: of the group, and of the place in it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from edge_worker.compute.graph import Adjacency
from edge_worker.compute.triangles import Triangles
from edge_worker.compute.walker import below, uniform


class MixtureWalker:
    """The walk for any p and q. A walk is at an edge, the one that it took last."""

    def __init__(self, graph: Adjacency, shared: Triangles, *, p: float, q: float) -> None:
        self._graph, self._shared = graph, shared
        self._back, self._away = 1.0 / p, 1.0 / q
        # Of each edge (t, v): where v's edges begin, how many lead on, and how many of those stay near t.
        self._first = graph.first[graph.neighbours]
        self._others = graph.degree[graph.neighbours] - 1
        self._near = shared.first.diff()
        # One more entry, which nobody follows: an edge without a near one may look past the end.
        self._following = torch.cat([shared.following, shared.following.new_zeros(1)])
        self._slots = _Slots(graph, shared) if q < 1 else None

    def walk(self, starts: Tensor, length: int, generator: torch.Generator | None) -> Tensor:
        steps = torch.empty((length, starts.numel()), dtype=torch.int64, device=starts.device)
        steps[0] = starts
        edge = below(self._graph.degree[starts], generator).add_(self._graph.first[starts])
        for step in range(1, length):
            steps[step] = self._graph.neighbours[edge]
            if step + 1 < length:
                edge = self._next(edge, generator)
        return steps.t().contiguous()

    def _next(self, edge: Tensor, generator: torch.Generator | None) -> Tensor:
        others, near, reverse = self._others[edge], self._near[edge], self._shared.reverse[edge]
        if self._slots is None:
            # Any of the others for 1/q; on top of that, the near ones for what they have more.
            wide, extra = others, 1.0 - self._away
        else:
            wide, extra = others - near, 1.0
        first_area = self._back + self._away * wide
        level = uniform(edge, generator) * (first_area + extra * near)
        place = ((level - self._back) / self._away).long()
        place = torch.minimum(place.clamp_(min=0), (wide - 1).clamp_(min=0))
        # The areas are told apart by comparison alone: rounding must not open an empty one.
        far = self._outside(edge, place, reverse)
        if extra > 0:
            rank = ((level - first_area) / extra).long().clamp_(min=0)
            rank = torch.minimum(rank, (near - 1).clamp_(min=0)).add_(self._shared.first[edge])
            close = (near > 0) & ((level >= first_area) | (wide == 0))
            far = torch.where(close, self._following[rank], far)
        return torch.where((level < self._back) | (others == 0), reverse, far)

    def _outside(self, edge: Tensor, place: Tensor, reverse: Tensor) -> Tensor:
        """Return the edge at a place among those of v that do not lead back (and, for q < 1, not near t)."""
        if self._slots is not None:
            return self._slots.free(edge, place) + self._first[edge]
        at = place.add_(self._first[edge])
        return at + (at >= reverse)


class _Slots:
    """Finds the k-th neighbour of v that is neither t nor next to it, for every edge (t, v)."""

    def __init__(self, graph: Adjacency, shared: Triangles) -> None:
        edges = torch.arange(graph.neighbours.numel(), device=graph.first.device)
        self._width = int(graph.degree.max()) + 1
        owner = torch.cat([torch.repeat_interleave(edges, shared.first.diff()), edges])
        taken = torch.cat([shared.following, shared.reverse]) - graph.first[graph.neighbours[owner]]
        taken = owner.mul_(self._width).add_(taken).sort().values
        owner = taken // self._width
        self._begin = torch.searchsorted(owner, edges)
        # The i-th taken place less i: how many free ones are before it. It never falls along a list.
        self._free_before = taken - (torch.arange(taken.numel(), device=taken.device) - self._begin[owner])

    def free(self, edge: Tensor, number: Tensor) -> Tensor:
        """Return the place of the free one of that number, counted from v's first edge."""
        wanted = edge * self._width + number
        return torch.searchsorted(self._free_before, wanted, right=True) - self._begin[edge] + number
