"""Which edges to give up so that no cycle is left, few of them, and how many anybody would have to.

Finding the smallest such set (a feedback arc set) is NP-hard, so it is enclosed from both sides: from above by the
edges that lead backwards in a good order of the files, from below by cycles that share no edge. Where the two do not
meet and the component is small, every order is tried.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from edge_worker.structure.adjacency import Adjacency
from edge_worker.structure.ordering import good_order

#: Nodes of a component whose every order is tried; the work doubles with each.
_EXACT = 12
#: Steps that go into the disjoint cycles of one component, and into putting back single edges.
_STEPS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Edges without which a graph has no cycle; no set of fewer than ``at_least`` edges would do."""

    edges: tuple[tuple[int, int], ...]
    at_least: int


def cut(following: Adjacency) -> Cut:
    """Return few edges whose removal leaves a graph without cycles, in order.

    They are the fewest there are in a graph of up to 12 nodes, and wherever they are as many as ``at_least``. Else they
    are what a good order leaves, without a promise of how good. None of them can be put back alone, as far as a million
    steps sufficed to try: in a component of thousands of files some were not tried.
    """
    edges = _spared(following, backward(following, good_order(following)))
    least = disjoint_cycles(following) if edges else 0
    if least < len(edges) and len(following) <= _EXACT:
        edges = backward(following, best_order(following))
        least = len(edges)
    return Cut(edges=tuple(sorted(edges)), at_least=least)


def backward(following: Adjacency, order: list[int]) -> list[tuple[int, int]]:
    """Return the edges that lead from a later to an earlier node of ``order``."""
    place = {node: index for index, node in enumerate(order)}
    return [(node, after) for node in order for after in following[node] if place[after] < place[node]]


def best_order(following: Adjacency) -> list[int]:
    """Return an order in which as few edges lead backwards as in any; for small graphs."""
    count = len(following)
    into = [sum(1 << after for after in nodes) for nodes in following]
    cost = [0] + [count * count] * ((1 << count) - 1)
    last = [0] * (1 << count)
    # What stands before is a set: the next node pays for its edges into that set, whatever its order.
    for before in range(1 << count):
        for node in range(count):
            if before >> node & 1:
                continue
            price = cost[before] + (into[node] & before).bit_count()
            if price < cost[before | 1 << node]:
                cost[before | 1 << node] = price
                last[before | 1 << node] = node
    order = []
    rest = (1 << count) - 1
    while rest:
        order.append(last[rest])
        rest ^= 1 << last[rest]
    return order[::-1]


def disjoint_cycles(following: Adjacency) -> int:
    """Return how many cycles were found that share no edge: each of them needs a cut of its own."""
    left = [dict.fromkeys(nodes) for nodes in following]
    found, steps = 0, _STEPS
    for node in range(len(left)):
        for after in list(left[node]):
            if after in left[node] and node in left[after]:
                del left[node][after], left[after][node]
                found += 1
    for node in range(len(left)):
        for after in list(left[node]):
            if after not in left[node] or steps <= 0:
                continue
            path, taken = _way(left, after, node)
            steps -= taken
            if path:
                found += 1
                for start, end in zip(path, [*path[1:], after], strict=True):
                    del left[start][end]
    return found


def _way(left: list[dict[int, None]], start: int, end: int) -> tuple[list[int], int]:
    """Return the nodes of a shortest way, or none, and the steps that it took to look for it."""
    came = {start: start}
    open_ = deque([start])
    steps = 0
    while open_:
        node = open_.popleft()
        if node == end:
            path = [end]
            while path[-1] != start:
                path.append(came[path[-1]])
            return path[::-1], steps
        for after in left[node]:
            steps += 1
            if after not in came:
                came[after] = node
                open_.append(after)
    return [], steps


def _spared(following: Adjacency, edges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ``edges`` without those that close no cycle once the others are gone, as far as there is time to try."""
    gone = set(edges)
    left = [
        dict.fromkeys(after for after in nodes if (node, after) not in gone) for node, nodes in enumerate(following)
    ]
    steps, kept = _STEPS, []
    for start, end in edges:
        path, taken = _way(left, end, start) if steps > 0 else ([end], 0)
        steps -= taken
        if path:
            kept.append((start, end))
        else:
            left[start][end] = None
    return kept
