"""Components and cuts: every cycle is found, every cut breaks them all, and no bound claims too much."""

from __future__ import annotations

import random
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_worker.structure.adjacency import adjacency, components, reaches
from edge_worker.structure.cutting import Cut, backward, best_order, cut, disjoint_cycles
from edge_worker.structure.ordering import good_order

Edges = list[tuple[int, int]]


@st.composite
def _graphs(draw: st.DrawFn, *, nodes: int, edges: int) -> tuple[int, Edges]:
    count = draw(st.integers(1, nodes))
    node = st.integers(0, count - 1)
    pairs = draw(st.lists(st.tuples(node, node), max_size=edges, unique=True))
    return count, [pair for pair in pairs if pair[0] != pair[1]]


def _without(count: int, edges: Edges, gone: Cut) -> list[list[int]]:
    return adjacency(count, set(edges) - set(gone.edges))


def _least(count: int, edges: Edges) -> int:
    """Return the size of the smallest cut by trying every set, the smaller first."""
    for size in range(len(edges) + 1):
        for gone in combinations(edges, size):
            if not components(adjacency(count, set(edges) - set(gone))):
                return size
    raise AssertionError("no edges, no cycles")


def _ring(nodes: int) -> Edges:
    return [(node, (node + 1) % nodes) for node in range(nodes)]


@pytest.mark.parametrize(
    ("count", "edges", "found"),
    [
        (3, [(0, 1), (1, 2)], []),
        (3, _ring(3), [[0, 1, 2]]),
        (5, [(0, 1), (1, 0), (1, 2), (2, 3), (3, 4), (4, 2)], [[2, 3, 4], [0, 1]]),
        (4, [(0, 1), (1, 0), (2, 3), (3, 2)], [[0, 1], [2, 3]]),
        (0, [], []),
    ],
    ids=["chain", "ring", "two", "equals", "nothing"],
)
def test_components_are_told_largest_first(count: int, edges: Edges, found: list[list[int]]) -> None:
    """Files that reach each other stand together; a file that reaches only others stands nowhere."""
    assert components(adjacency(count, edges)) == found


@given(_graphs(nodes=9, edges=25))
@settings(deadline=None)
def test_components_are_what_reaches_each_other(graph: tuple[int, Edges]) -> None:
    """Two nodes share a component exactly when each reaches the other."""
    count, edges = graph
    following = adjacency(count, edges)
    together = {(one, other) for nodes in components(following) for one in nodes for other in nodes if one != other}

    for one, other in permutations(range(count), 2):
        assert ((one, other) in together) == (reaches(following, one, other) and reaches(following, other, one))


def test_long_chain_needs_no_stack() -> None:
    """A ring of 50,000 files is one component, cut by one import."""
    (nodes,) = components(adjacency(50_000, _ring(50_000)))

    found = cut(adjacency(50_000, _ring(50_000)))

    assert len(nodes) == 50_000
    assert (len(found.edges), found.at_least) == (1, 1)


def _layered(count: int, edges: int, *, near: int, against: int) -> tuple[int, Edges]:
    """Return imports of later files, ``near`` files further on in the mean, and some the other way, from far on."""
    chance = random.Random(3)
    found: set[tuple[int, int]] = set()
    while len(found) < edges:
        source = chance.randrange(count)
        target = source + 1 + int(chance.expovariate(1 / near))
        if target < count:
            found.add((source, target))
    while len(found) < edges + against:
        found.add((chance.randrange(count // 2, count), chance.randrange(count // 2)))
    return count, sorted(found)


@pytest.mark.parametrize(
    ("graph", "most"),
    [
        (_layered(3_000, 24_000, near=1_000, against=31), 40),
        (_layered(20_000, 100_000, near=4_000, against=101), 150),
        # The harder, the longer the way through the layers: walkers lose themselves.
        (_layered(3_000, 9_000, near=40, against=31), 300),
    ],
    ids=["wide", "large", "deep"],
)
def test_few_imports_against_the_grain_are_found(graph: tuple[int, Edges], most: int) -> None:
    """Where some imports turned a layered graph into one knot, about as few are given up, and no cycle is left."""
    count, edges = graph
    nodes = components(adjacency(count, edges))[0]
    place = {node: index for index, node in enumerate(nodes)}
    inside = [(place[one], place[other]) for one, other in edges if one in place and other in place]

    found = cut(adjacency(len(nodes), inside))

    assert len(nodes) > count / 20
    assert found.at_least <= len(found.edges) <= most
    assert components(_without(len(nodes), inside, found)) == []


@pytest.mark.parametrize(
    ("count", "edges", "size"),
    [
        (3, _ring(3), 1),
        (2, [(0, 1), (1, 0)], 1),
        (3, [(0, 1), (1, 2), (2, 0), (1, 0), (2, 1)], 2),
        (4, [(one, other) for one, other in permutations(range(4), 2)], 6),
        # A figure of eight through node 0: one edge each, though one node is in both.
        (5, [(0, 1), (1, 2), (2, 0), (0, 3), (3, 4), (4, 0)], 2),
        # Many cycles through one edge.
        (6, [(0, 1), *((1, node) for node in (2, 3, 4, 5)), *((node, 0) for node in (2, 3, 4, 5))], 1),
        (3, [(0, 1), (1, 2)], 0),
    ],
    ids=["ring", "pair", "overlap", "complete", "eight", "shared", "none"],
)
def test_smallest_cut_of_small_graphs(count: int, edges: Edges, size: int) -> None:
    """The cut is the smallest there is, and is known to be."""
    found = cut(adjacency(count, edges))

    assert (len(found.edges), found.at_least) == (size, size)
    assert components(_without(count, edges, found)) == []


@given(_graphs(nodes=5, edges=11))
@settings(max_examples=60, deadline=None)
def test_cut_is_as_small_as_trying_all_finds(graph: tuple[int, Edges]) -> None:
    """In a small graph no smaller set of edges breaks every cycle."""
    count, edges = graph

    assert len(cut(adjacency(count, edges)).edges) == _least(count, edges)


@given(_graphs(nodes=30, edges=90))
@settings(deadline=None)
def test_cut_breaks_every_cycle_and_wastes_no_edge(graph: tuple[int, Edges]) -> None:
    """Without its cut a graph has no cycle, with any edge of it put back there is one, and the bound holds."""
    count, edges = graph

    found = cut(adjacency(count, edges))

    assert set(found.edges) <= set(edges)
    assert components(_without(count, edges, found)) == []
    assert 0 <= found.at_least <= len(found.edges)
    assert (found.at_least == 0) == (not found.edges)
    for edge in found.edges:
        assert components(adjacency(count, set(edges) - set(found.edges) | {edge})) != []


@given(_graphs(nodes=7, edges=25))
@settings(max_examples=50, deadline=None)
def test_bounds_enclose_the_best_order(graph: tuple[int, Edges]) -> None:
    """Disjoint cycles never outnumber the backward edges of the best order, nor does a good order have fewer."""
    count, edges = graph
    following = adjacency(count, edges)

    best = len(backward(following, best_order(following)))

    assert disjoint_cycles(following) <= best <= len(backward(following, good_order(following)))
    assert sorted(best_order(following)) == sorted(good_order(following)) == list(range(count))


def test_large_component_is_cut_in_little_time() -> None:
    """Two thousand files in one knot are cut, the bound stays below, and the same graph is cut the same way."""
    chance = random.Random(5)
    edges = sorted({(chance.randrange(2000), chance.randrange(2000)) for _ in range(6000)} | set(_ring(2000)))
    edges = [edge for edge in edges if edge[0] != edge[1]]

    found = cut(adjacency(2000, edges))

    assert components(_without(2000, edges, found)) == []
    assert 0 < found.at_least < len(found.edges) < len(edges) / 3
    assert cut(adjacency(2000, edges[::-1])) == found
