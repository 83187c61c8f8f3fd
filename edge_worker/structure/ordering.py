"""An order of the files of a component in which few imports lead backwards: a heuristic, good where cycles are few.

What can only stand first or last is put there. Where nothing can, the imports that most walks along the graph come
through are given up: in a graph that was layered once, walkers of either direction meet on the few imports against the
grain. Then the order is settled: each file moves to where it costs least, the files are laid out anew as early, then as
late, as the imports that still lead forwards let them, and move again.
"""

from __future__ import annotations

from collections import deque
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from edge_worker.structure.adjacency import Adjacency

#: Steps that go into the moves of the files of one component between two layouts, and into all of its layouts.
_STEPS = 1_000_000
#: Steps of the walkers between two looks: far enough to gather, few enough to be cheap.
_WALK = 10
#: Of so many imports one is given up at a time; of more than ``_MANY``, a share that grows with them.
_AT_A_TIME = 500
_MANY = 32_000

_Nodes = NDArray[np.int64]


def good_order(following: Adjacency) -> list[int]:
    """Return an order of the nodes in which few edges lead backwards; the same for the same graph.

    No share of the fewest is promised: that is NP-hard.
    """
    preceding = reverse(following)
    size = sum(map(len, following)) + len(following)
    order = _settled(_peeled(following, preceding), following, preceding)
    for turn in range(max(3, min(12, _STEPS // (8 * size)))):
        # What leads forwards still does in the new layout: no turn makes it worse.
        order = _laid_out(order, following) if turn % 2 else _laid_out(order[::-1], preceding)[::-1]
        order = _settled(order, following, preceding)
    return order


def reverse(following: Adjacency) -> list[list[int]]:
    """Return for each node the nodes whose edges lead to it, in order."""
    preceding: list[list[int]] = [[] for _ in following]
    for node, nodes in enumerate(following):
        for after in nodes:
            preceding[after].append(node)
    return preceding


class _Peel:
    """A graph that loses what is in no cycle's way: its sources go to the front of an order, its sinks to the back."""

    def __init__(self, following: Adjacency, preceding: Adjacency) -> None:
        self._following = [dict.fromkeys(nodes) for nodes in following]
        self._preceding = [dict.fromkeys(nodes) for nodes in preceding]
        self._first: list[int] = []
        self._final: list[int] = []
        self.there = np.ones(len(following), dtype=np.bool_)

    def order(self) -> list[int]:
        """Return the nodes that are gone, in their order."""
        return self._first + self._final[::-1]

    def without(self, edges: list[tuple[int, int]]) -> None:
        """Give up these edges in turn, each with what can stand first or last then; none that another spared."""
        for start, end in edges:
            if self.there[start] and self.there[end]:
                del self._following[start][end], self._preceding[end][start]
                self.take([end, start])

    def take(self, nodes: list[int]) -> None:
        """Take off those of these nodes that can stand first or last, and what can when they are gone."""
        while nodes:
            node = nodes.pop()
            after, before = self._following[node], self._preceding[node]
            if not self.there[node] or (after and before):
                continue
            self.there[node] = False
            (self._first if after else self._final).append(node)
            for other in after:
                del self._preceding[other][node]
            for other in before:
                del self._following[other][node]
            nodes += [other for other in (*after, *before) if not (self._following[other] and self._preceding[other])]


def _peeled(following: Adjacency, preceding: Adjacency) -> list[int]:
    count = len(following)
    sources = np.repeat(np.arange(count), [len(nodes) for nodes in following])
    targets = np.fromiter(chain.from_iterable(following), dtype=np.int64, count=len(sources))
    peel = _Peel(following, preceding)
    peel.take(list(range(count))[::-1])
    while peel.there.any():
        left = peel.there[sources] & peel.there[targets]
        sources, targets = sources[left], targets[left]
        few = max(1, len(sources) // _AT_A_TIME, len(sources) ** 2 // (_AT_A_TIME * _MANY))
        worst = np.argsort(-_crowded(sources, targets, count), kind="stable")[:few]
        peel.without(list(zip(sources[worst].tolist(), targets[worst].tolist(), strict=True)))
        sources, targets = np.delete(sources, worst), np.delete(targets, worst)
    return peel.order()


def _crowded(sources: _Nodes, targets: _Nodes, count: int) -> NDArray[np.float64]:
    """Return how many walkers come through each edge, those along the edges times those against them."""
    onward = 1 / np.maximum(np.bincount(sources, minlength=count), 1)
    back = 1 / np.maximum(np.bincount(targets, minlength=count), 1)
    along = against = np.ones(count)
    # Half of the walkers wait: in a ring of even length they would take turns else.
    for _ in range(_WALK):
        along = (along + np.bincount(targets, weights=(along * onward)[sources], minlength=count)) / 2
        against = (against + np.bincount(sources, weights=(against * back)[targets], minlength=count)) / 2
    crowded: NDArray[np.float64] = (along * onward)[sources] * (against * back)[targets]
    return crowded


def _laid_out(order: list[int], following: Adjacency) -> list[int]:
    """Return the nodes as early as the edges that lead forwards in ``order`` let them stand."""
    place = _places(order)
    waiting = [0] * len(order)
    for node, nodes in enumerate(following):
        for after in nodes:
            waiting[after] += place[node] < place[after]
    open_ = deque(node for node in order if not waiting[node])
    found = []
    while open_:
        node = open_.popleft()
        found.append(node)
        for after in following[node]:
            if place[node] < place[after]:
                waiting[after] -= 1
                if not waiting[after]:
                    open_.append(after)
    return found


def _settled(order: list[int], following: Adjacency, preceding: Adjacency) -> list[int]:
    """Return the order after each node moved to where it costs least, until none would or it takes too long."""
    place = _places(order)
    size = sum(map(len, following)) + len(following)
    for _ in range(max(2, min(60, _STEPS // (8 * size)))):
        moved = False
        for node in range(len(following)):
            moved |= _sift(node, following, preceding, place)
        order = sorted(range(len(place)), key=lambda node: (place[node], node))
        # Places are halved again and again; told anew they stay apart.
        place = _places(order)
        if not moved:
            break
    return order


def _places(order: list[int]) -> list[float]:
    place = [0.0] * len(order)
    for index, node in enumerate(order):
        place[node] = float(index)
    return place


def _sift(node: int, following: Adjacency, preceding: Adjacency, place: list[float]) -> bool:
    """Move one node to where the fewest of its edges lead backwards; return whether that is better than before."""
    ends = [(place[after], 1) for after in following[node]] + [(place[before], -1) for before in preceding[node]]
    ends.sort()
    here = place[node]
    now = sum(1 for at, step in ends if (at < here if step == 1 else at > here))
    best, cost, spot = now, len(preceding[node]), here
    if cost < best:
        best, spot = cost, ends[0][0] - 1.0
    for index, (at, step) in enumerate(ends):
        cost += step
        beyond = ends[index + 1][0] if index + 1 < len(ends) else at + 2.0
        if cost < best and beyond > at:
            best, spot = cost, (at + beyond) / 2
    place[node] = spot
    return best < now
