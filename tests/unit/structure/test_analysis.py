"""The analysis of a graph: ranks, communities, orphans, and that it does not depend on the order of anything."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_worker.structure.analysis import analyse
from edge_worker.structure.communities import communities
from edge_worker.structure.orphans import is_entry
from edge_worker.structure.rank import ranks
from edge_worker.structure.unresolved import unresolved_rows
from shared.knowledge import MOST_NAME, MOST_UNRESOLVED, Analysis, EdgeRow, FileRow

ROOT = Path(__file__).parents[3]
Pairs = list[tuple[int, int]]


def _files(count: int, *, paths: dict[int, str] | None = None) -> list[FileRow]:
    named = paths or {}
    return [
        FileRow(
            number=number,
            path=named.get(number, f"pkg/f{number}.py"),
            language="python",
            size=1,
            blob="0" * 40,
            status="parsed",
            isolated=False,
        )
        for number in range(count)
    ]


def _edges(pairs: Pairs) -> list[EdgeRow]:
    return [EdgeRow(source=one, target=other, kinds=("runtime",), line=1) for one, other in pairs]


def _clusters(count: int, size: int, seed: int = 3) -> Pairs:
    """Return the edges of groups that hold together closely, and are joined to each other by one import each."""
    chance = random.Random(seed)
    pairs = {(group * size, (group + 1) % count * size) for group in range(count)}
    for group in range(count):
        while sum(one // size == group == other // size for one, other in pairs) < 3 * size:
            one, other = (group * size + chance.randrange(size) for _ in range(2))
            if one != other:
                pairs.add((one, other))
    return sorted(pairs)


@given(st.integers(1, 12), st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=40, unique=True))
@settings(deadline=None)
def test_rank_is_pagerank(count: int, pairs: Pairs) -> None:
    """Ranks are those that networkx finds, in multiples of the mean."""
    pairs = [(one, other) for one, other in pairs if one != other and max(one, other) < count]
    graph = networkx.DiGraph(pairs)
    graph.add_nodes_from(range(count))
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)

    found = ranks(count, ends[:, 0], ends[:, 1])

    expected = networkx.pagerank(graph, alpha=0.85, tol=1e-12, max_iter=1000)
    assert found == pytest.approx([expected[node] * count for node in range(count)], abs=1e-6)


def test_groups_are_found_as_they_were_made() -> None:
    """Groups that hold together are communities: each file with its own, and none with another's."""
    pairs = np.array(_clusters(6, 20), dtype=np.int64)

    found = communities(121, pairs[:, 0], pairs[:, 1])

    assert found.count == 6
    assert [len(set(found.member[group * 20 : group * 20 + 20].tolist())) for group in range(6)] == [1] * 6
    assert found.member[120] == -1
    assert found.modularity > 0.6


def test_communities_are_numbered_by_size() -> None:
    """Number 0 is the largest, whatever order its files have; leaders are its files of the highest rank."""
    star = [(number, 3) for number in range(4, 12)]
    found = analyse(_files(13), _edges([(0, 1), (1, 2), (2, 0), *star]))

    assert [one.size for one in found.communities] == [9, 3]
    assert found.communities[0].leaders[0] == 3
    assert [one.inside for one in found.communities] == [8, 3]
    assert [standing.community for standing in found.standings] == [1, 1, 1, *[0] * 9, None]


@given(st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_same_graph_same_answer(seed: int) -> None:
    """Neither the order of the edges nor their doubles change anything."""
    chance = random.Random(seed)
    pairs = sorted({(chance.randrange(40), chance.randrange(40)) for _ in range(90)})
    edges = _edges(pairs)
    shuffled = [*edges, *edges[:5]]
    chance.shuffle(shuffled)

    assert analyse(_files(40), edges) == analyse(_files(40), shuffled)


def test_same_answer_in_another_process() -> None:
    """What a process finds does not depend on its hash seed."""
    program = (
        "from tests.unit.structure.test_analysis import _clusters, _edges, _files; "
        "from edge_worker.structure.analysis import analyse; print(analyse(_files(120), _edges(_clusters(6, 20))))"
    )

    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(said) == 1


@pytest.mark.parametrize("files", [0, 1, 3])
def test_graph_without_edges(files: int) -> None:
    """Nothing leads anywhere: no cycle, no community, every rank the mean."""
    found = analyse(_files(files), [])

    assert (found.cycles, found.communities, found.modularity) == ((), (), 0.0)
    assert [(one.rank, one.community) for one in found.standings] == [(pytest.approx(1.0), None)] * files


def test_import_of_itself_counts_nothing() -> None:
    """A file that imports itself is no cycle and no importer."""
    found = analyse(_files(1), _edges([(0, 0)]))

    assert (found.cycles, found.standings[0].importers) == ((), 0)


def test_orphans_are_neither_imported_nor_started_nor_aside() -> None:
    """A file that nobody imports is an orphan, unless its name, its place or a flag explains it."""
    files = _files(5, paths={0: "pkg/used.py", 1: "pkg/left.py", 2: "scripts/run.py", 3: "tests/test_x.py"})
    files[4] = replace(files[4], flags=("generated",))

    found = analyse(files, _edges([(2, 0)]))

    assert [number for number, one in enumerate(found.standings) if one.orphan] == [1]
    assert found.figures()["orphans"] == 1


@pytest.mark.parametrize(
    ("path", "entry"),
    [
        ("src/main.rs", True),
        ("pkg/__main__.py", True),
        ("web/vite.config.ts", True),
        (".eslintrc.js", True),
        ("types/global.d.ts", True),
        ("app/dashboard/page.tsx", True),
        ("db/migrations/0001_initial.py", True),
        ("bin/serve.js", True),
        ("packages/x/src/index.ts", True),
        ("src/Button.stories.tsx", True),
        ("src/button.test.ts", True),
        ("shared/paths.py", False),
        ("src/binary.py", False),
        ("api/handlers.go", False),
        ("src/mainframe.py", False),
    ],
)
def test_what_is_probably_started(path: str, entry: bool) -> None:
    """Names and places that tools, frameworks and people start are told from those that are there to be imported."""
    assert is_entry(path) == entry


def test_figures_count_what_there_is() -> None:
    """The statistics of an ingest say how many cycles, files in them, orphans and communities there are."""
    figures = analyse(_files(4), _edges([(0, 1), (1, 0), (2, 0)])).figures()

    assert figures == {"cycles": 1, "files_in_cycles": 2, "orphans": 2, "communities": 1, "modularity": 0.0}
    assert Analysis().figures()["cycles"] == 0


def test_ten_thousand_files_take_little_time() -> None:
    """10,000 files and 40,000 imports are analysed in a few seconds at most, on any machine."""
    chance = random.Random(1)
    pairs: set[tuple[int, int]] = set()
    while len(pairs) < 40_000:
        one, other = chance.randrange(10_000), int(10_000 * chance.random() ** 2)
        if one != other:
            pairs.add((max(one, other), min(one, other)) if chance.random() > 0.02 else (one, other))
    began = time.process_time()

    found = analyse(_files(10_000), _edges(sorted(pairs)))

    assert time.process_time() - began < 8
    assert found.communities


class _Unresolved:
    def __init__(self, path: str, line: int, module: str) -> None:
        self.path, self.line, self.module = path, line, module


class _Graph:
    def __init__(self, files: dict[int, str], unresolved: list[_Unresolved]) -> None:
        self.files, self.unresolved = files, unresolved


def test_unresolved_imports_are_kept_within_bounds() -> None:
    """As many as are kept, by file number, as plain text of bounded length."""
    odd = _Unresolved("b.py", 2, "\udcff\0" + "x" * 1000)
    many = [_Unresolved("a.py", line, "m") for line in range(MOST_UNRESOLVED)]

    first = unresolved_rows(_Graph({0: "a.py", 1: "b.py"}, [odd, *many]))

    assert len(first) == MOST_UNRESOLVED
    assert (first[0].source, first[0].line, len(first[0].module)) == (1, 2, MOST_NAME)
    assert first[0].module.startswith("\\xff\\x00x")
