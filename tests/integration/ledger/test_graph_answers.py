"""What a published graph answers, from a real ledger: ways, standings, cycles, and what a change touches."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from graph_world import ID, Publishing, known_graph, reader
from ledger_world import TENANT_A, Ledger, analysed, knowledge

from cloud_api.services.ways import few_ways
from shared.knowledge import EdgeRow, UnresolvedRow
from shared.ledger.queries import queries
from shared.ledger.records import DEFAULT_TENANT
from shared.ledger.repositories import Reached


def _ways(ledger: Ledger, source: str, target: str, *, depth: int = 20) -> list[list[str]]:
    edges = reader(ledger).ways(ID, tenant=DEFAULT_TENANT, source=source, target=target, depth=depth, limit=60)
    ways = few_ways(edges, source=source, target=target, limit=50)
    return [[way[0].source, *(step.target for step in way)] for way in ways]


def _distances(edges: list[tuple[int, int]], start: int) -> dict[int, int]:
    found, open_ = {start: 0}, deque([start])
    while open_:
        node = open_.popleft()
        for source, target in edges:
            if source == node and target not in found:
                found[target] = found[node] + 1
                open_.append(target)
    return found


def test_direct_imports_say_how(ledger: Ledger) -> None:
    """One step away the kinds, the line and the confidence are told, in either direction; further away they are not."""
    edges = (EdgeRow(source=0, target=1, kinds=("nested", "runtime"), line=7, confidence=0.5),)
    ledger.published(replace(knowledge(3), edges=(*edges, EdgeRow(source=1, target=2, kinds=("runtime",), line=9))))
    ask = ledger.repositories.reachable

    forwards = ask(ID, "src/file_0.py", tenant=DEFAULT_TENANT, backwards=False, depth=2, limit=9)
    backwards = ask(ID, "src/file_1.py", tenant=DEFAULT_TENANT, backwards=True, depth=1, limit=9)

    near = {"language": "python", "depth": 1, "kinds": ("nested", "runtime"), "line": 7, "confidence": 0.5}
    assert forwards == [
        Reached(path="src/file_1.py", **near),  # type: ignore[arg-type]  # a table of any field
        Reached(path="src/file_2.py", language="python", depth=2),
    ]
    assert backwards == [Reached(path="src/file_0.py", **near)]  # type: ignore[arg-type]


def test_shortest_ways_are_told_whole(ledger: Ledger) -> None:
    """Every shortest way is found, no longer one, and each from end to end."""
    ledger.published(known_graph(["a", "b", "c", "d", "e"], [(0, 1), (0, 2), (1, 3), (2, 3), (0, 4), (4, 2)]))

    assert sorted(_ways(ledger, "a", "d")) == [["a", "b", "d"], ["a", "c", "d"]]
    assert _ways(ledger, "a", "d", depth=1) == []
    assert _ways(ledger, "d", "a") == []
    assert _ways(ledger, "a", "a") == []


@pytest.mark.parametrize("seed", range(3))
def test_ways_are_as_short_as_a_search_finds(seed: int, ledger: Ledger) -> None:
    """In a random graph every pair has ways exactly where there are any, of the right length, along real imports."""
    chance = random.Random(seed)
    edges = sorted({(chance.randrange(30), chance.randrange(30)) for _ in range(55)} - {(n, n) for n in range(30)})
    ledger.published(known_graph([f"f{number}" for number in range(30)], edges))

    for source in range(0, 30, 3):
        there = _distances(edges, source)
        for target in set(range(30)) - {source}:
            ways = _ways(ledger, f"f{source}", f"f{target}")
            assert {len(way) - 1 for way in ways} == ({there[target]} if target in there else set())
            steps = {(int(one[1:]), int(other[1:])) for way in ways for one, other in pairwise(way)}
            assert steps <= set(edges)


def test_way_through_a_crowd_stays_whole(ledger: Ledger) -> None:
    """Where more ways exist than are told, those that are told lead all the way."""
    width = 150
    layers = [[0], list(range(1, 1 + width)), list(range(1 + width, 1 + 2 * width)), [1 + 2 * width]]
    edges = [(0, node) for node in layers[1]]
    edges += [(one, layers[2][(place * 7) % width]) for place, one in enumerate(layers[1])]
    edges += [(node, layers[3][0]) for node in layers[2]]
    ledger.published(known_graph([f"f{number}" for number in range(2 + 2 * width)], edges))

    ways = _ways(ledger, "f0", f"f{layers[3][0]}")

    assert len(ways) == 50
    assert {len(way) for way in ways} == {4}


def test_cycles_and_their_cuts_are_of_one_generation(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A publish in the middle of the question joins no cut to another generation's files."""
    ledger.published(known_graph(["a", "b", "c"], [(0, 1), (1, 2), (2, 0)]))
    after = known_graph(["x", "y", "z"], [(0, 1), (1, 0)])
    publishing = Publishing(queries("knowledge"), "cuts", lambda: ledger.published(after))
    monkeypatch.setattr("shared.ledger.graph._SQL", publishing)

    (cycle,) = reader(ledger).cycles(ID, tenant=DEFAULT_TENANT, after=-1, limit=9, most=9)

    assert len(cycle.cut) == cycle.cut_size == 1
    assert {edge.source for edge in cycle.cut} | {edge.target for edge in cycle.cut} <= set(cycle.files)


def test_standing_cycles_and_communities_are_read_as_they_were_worked_out(ledger: Ledger) -> None:
    """Ranks, importers, orphans, cycles with their cut, communities with their leaders: all by plain reads."""
    # Two triangles, one of them a cycle, joined by one import; and a file that nobody imports.
    paths = ["a/x.py", "a/y.py", "a/z.py", "b/p.py", "b/q.py", "b/r.py", "lone.py"]
    edges = [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (3, 5), (2, 5)]
    ledger.published(known_graph(paths, edges))
    graph = reader(ledger)

    (cycle,) = graph.cycles(ID, tenant=DEFAULT_TENANT, after=-1, limit=9, most=9)
    communities = graph.communities(ID, tenant=DEFAULT_TENANT, after=-1, limit=9)
    central = graph.central(ID, tenant=DEFAULT_TENANT, by="importers", limit=1)
    ranked = graph.central(ID, tenant=DEFAULT_TENANT, by="rank", limit=7)

    assert (cycle.size, cycle.files, cycle.cut_size, cycle.at_least) == (3, ("a/x.py", "a/y.py", "a/z.py"), 1, 1)
    assert {(one.source, one.target) for one in cycle.cut} <= {(paths[one], paths[other]) for one, other in edges[:3]}
    assert [(one.size, one.inside, one.across) for one in communities] == [(3, 3, 1), (3, 3, 1)]
    assert [(one.path, one.importers, one.imports) for one in central] == [("b/r.py", 3, 0)]
    assert [one.rank for one in ranked] == sorted((one.rank for one in ranked), reverse=True)
    assert [one.path for one in graph.orphans(ID, tenant=DEFAULT_TENANT, after=-1, limit=9)] == ["b/p.py", "lone.py"]
    members = graph.members(ID, communities[0].number, tenant=DEFAULT_TENANT, after=-1, limit=9)
    assert [one.path for one in members] in (paths[:3], paths[3:6])
    assert communities[0].leaders[0] in [one.path for one in members]


def test_flags_and_what_was_not_understood_are_published(ledger: Ledger) -> None:
    """A file keeps its flags, and an unresolved import its line and the name that it was written with."""
    known = known_graph(["a.py", "b.py"], [], files={1: {"flags": ("generated", "vendored")}})
    ledger.published(replace(known, unresolved=(UnresolvedRow(source=0, line=3, module=".\udcffgone\0"),)))

    (found,) = reader(ledger).unresolved(ID, tenant=DEFAULT_TENANT, after=-1, limit=9)
    flags = [file.flags for file in ledger.repositories.files(ID, tenant=DEFAULT_TENANT, after=-1, limit=9)]

    assert (found.path, found.line, found.module) == ("a.py", 3, ".\\xffgone\\x00")
    assert flags == [(), ("generated", "vendored")]


def test_next_generation_and_removal_leave_nothing(ledger: Ledger) -> None:
    """Every row of a generation goes with it: when the next one comes, and when the repository is removed."""
    graph = reader(ledger)
    ledger.published(analysed(knowledge(3, edges=((0, 1),))))

    def rows() -> list[int]:
        return [
            len(graph.cycles(ID, tenant=DEFAULT_TENANT, after=-1, limit=9, most=9)),
            len(graph.communities(ID, tenant=DEFAULT_TENANT, after=-1, limit=9)),
            len(graph.unresolved(ID, tenant=DEFAULT_TENANT, after=-1, limit=9)),
            len(graph.central(ID, tenant=DEFAULT_TENANT, by="rank", limit=9)),
        ]

    first = rows()
    ledger.published(analysed(knowledge(2)))
    second = rows()
    ledger.published(knowledge(1))
    third = rows()
    ledger.published(analysed(knowledge(2)))
    ledger.repositories.remove(ID, tenant=DEFAULT_TENANT)

    assert (first, second, third, rows()) == ([1, 1, 1, 3], [1, 1, 1, 2], [0, 0, 0, 1], [0, 0, 0, 0])


def test_another_tenant_learns_nothing(ledger: Ledger) -> None:
    """The id and the paths of somebody else's repository lead to empty answers."""
    ledger.published(analysed(knowledge(3, edges=((0, 1), (1, 2)))))
    ledger.add_tenants(TENANT_A)
    graph, paths = reader(ledger), ["src/file_0.py", "src/file_2.py"]

    ways = graph.ways(ID, tenant=TENANT_A, source=paths[0], target=paths[1], depth=9, limit=9)
    asked: dict[str, Any] = {"subjects": ["file0"], "folders": ["src"], "depth": 3, "limit": 9, "most": 9}
    change = graph.change(ID, tenant=TENANT_A, paths=paths, gone=paths, **asked)

    assert (ways, change) == ([], None)
    assert graph.cycles(ID, tenant=TENANT_A, after=-1, limit=9, most=9) == []
