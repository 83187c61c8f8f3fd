"""A directed graph as neighbour lists, and how it falls apart into strongly connected components."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

#: For each node the nodes that its edges lead to, in order.
Adjacency = Sequence[Sequence[int]]


def adjacency(nodes: int, edges: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return the graph of ``edges`` between ``nodes`` nodes; the order of the edges does not matter."""
    following: list[list[int]] = [[] for _ in range(nodes)]
    for source, target in sorted(set(edges)):
        following[source].append(target)
    return following


def components(following: Adjacency) -> list[list[int]]:
    """Return the strongly connected components of two nodes or more: the largest first, nodes in order.

    Tarjan's algorithm without recursion: a chain of imports may be longer than the stack.
    """
    index = [-1] * len(following)
    low = [0] * len(following)
    open_: list[int] = []
    is_open = [False] * len(following)
    found: list[list[int]] = []
    count = 0
    for root in range(len(following)):
        if index[root] >= 0:
            continue
        work = [(root, iter(following[root]))]
        index[root] = low[root] = count
        count += 1
        open_.append(root)
        is_open[root] = True
        while work:
            node, rest = work[-1]
            for after in rest:
                if index[after] < 0:
                    index[after] = low[after] = count
                    count += 1
                    open_.append(after)
                    is_open[after] = True
                    work.append((after, iter(following[after])))
                    break
                if is_open[after]:
                    low[node] = min(low[node], index[after])
            else:
                work.pop()
                if work:
                    before = work[-1][0]
                    low[before] = min(low[before], low[node])
                if low[node] == index[node]:
                    _close(node, open_, is_open, found)
    return sorted(found, key=lambda nodes: (-len(nodes), nodes))


def _close(node: int, open_: list[int], is_open: list[bool], found: list[list[int]]) -> None:
    start = len(open_) - 1
    while open_[start] != node:
        start -= 1
    component = open_[start:]
    del open_[start:]
    for member in component:
        is_open[member] = False
    if len(component) > 1:
        found.append(sorted(component))


def reaches(following: Adjacency, start: int, wanted: int) -> bool:
    """Return whether a path leads from one node to another; every node reaches itself."""
    seen = {start}
    open_ = [start]
    while open_:
        node = open_.pop()
        if node == wanted:
            return True
        for after in following[node]:
            if after not in seen:
                seen.add(after)
                open_.append(after)
    return False
