"""The way from a file back to itself, from a real ledger."""

from __future__ import annotations

import random
from collections import deque

import pytest
from graph_world import ID, known_graph, reader
from ledger_world import TENANT_A, Ledger

from cloud_api.services.ways import few_ways
from shared.ledger.records import DEFAULT_TENANT


def _circles(ledger: Ledger, path: str, *, depth: int = 20) -> list[list[str]]:
    edges = reader(ledger).circle(ID, tenant=DEFAULT_TENANT, path=path, depth=depth, limit=60)
    ways = few_ways(edges, source=path, target=path, limit=50)
    return [[way[0].source, *(step.target for step in way)] for way in ways]


def _shortest(edges: list[tuple[int, int]], start: int) -> int | None:
    steps, open_ = {target: 1 for source, target in edges if source == start}, deque[int]()
    open_.extend(steps)
    while open_:
        node = open_.popleft()
        for source, target in edges:
            if source == node and target not in steps:
                steps[target] = steps[node] + 1
                open_.append(target)
    return steps.get(start)


def test_a_file_in_a_cycle_leads_back_to_itself(ledger: Ledger) -> None:
    """The shortest circles through a file are told from end to end, and no longer one; others have none."""
    edges = [(0, 1), (1, 2), (2, 0), (1, 0), (2, 3), (3, 1), (0, 4)]
    ledger.published(known_graph(["a", "b", "c", "d", "e"], edges))

    assert _circles(ledger, "a") == [["a", "b", "a"]]
    assert _circles(ledger, "b") == [["b", "a", "b"]]
    assert sorted(_circles(ledger, "c")) == [["c", "a", "b", "c"], ["c", "d", "b", "c"]]
    assert _circles(ledger, "e") == _circles(ledger, "nowhere") == []


def test_depth_bounds_a_circle(ledger: Ledger) -> None:
    """A circle of more imports than were asked for is not told."""
    ledger.published(known_graph(["a", "b", "c"], [(0, 1), (1, 2), (2, 0)]))

    assert _circles(ledger, "a", depth=3) == [["a", "b", "c", "a"]]
    assert _circles(ledger, "a", depth=2) == []


def test_circles_are_a_tenants_own(ledger: Ledger) -> None:
    """Nothing of another tenant's repository is told."""
    ledger.published(known_graph(["a", "b"], [(0, 1), (1, 0)]))

    assert reader(ledger).circle(ID, tenant=TENANT_A, path="a", depth=9, limit=9) == []


@pytest.mark.parametrize("seed", range(3))
def test_circles_are_as_short_as_can_be(ledger: Ledger, seed: int) -> None:
    """In random graphs every file's circles have the length that a plain search finds."""
    rng, count = random.Random(seed), 24
    edges = sorted(
        {(one, other) for _ in range(40) if (one := rng.randrange(count)) != (other := rng.randrange(count))}
    )
    paths = [f"{number:02}.py" for number in range(count)]
    ledger.published(known_graph(paths, edges))

    for number, path in enumerate(paths):
        expected = _shortest(edges, number)
        assert {len(way) - 1 for way in _circles(ledger, path)} == ({expected} if expected else set())
