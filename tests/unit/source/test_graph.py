"""The file graph: which edges it has, and what never changes them."""

from __future__ import annotations

import random

import pytest
from small_repository import edges, graph, repository

from edge_worker.source.graph import GraphBuilder
from edge_worker.source.reader import read
from shared.knowledge import EdgeRow

FILES = {
    "a.py": "import c\nimport b\nfrom b import x\nimport a\n",
    "b.py": "def f():\n    import c\n",
    "c.py": "",
    "alone.py": "import os",
}


def test_one_edge_a_pair() -> None:
    """A pair of files has one edge with all kinds and its first line; a file that imports itself has none (G2)."""
    files = {"a.py": "x = 1\ndef f():\n    import b\nif TYPE_CHECKING:\n    from b import y\nimport a\n", "b.py": ""}

    assert graph(files).edges == (EdgeRow(source=0, target=1, kinds=("nested", "runtime", "type-only"), line=3),)


def test_files_that_no_edge_touches_are_isolated() -> None:
    """A file is isolated if it imports no file and no file imports it."""
    assert graph(FILES).isolated == {3}


def test_graph_does_not_depend_on_the_order_of_files() -> None:
    """Files may come in any order: numbers, edges and counts are the same."""
    shuffled = list(enumerate(FILES.items()))
    random.Random(3).shuffle(shuffled)
    builder = GraphBuilder(repository(FILES))

    for number, (path, text) in shuffled:
        builder.add_parsed(number=number, path=path, language="python", parsed=read("python", text.encode()))

    assert builder.build() == graph(FILES)


def test_edges_to_files_that_are_no_nodes_are_counted() -> None:
    """An import of a file that was not added is no edge and is counted."""
    builder = GraphBuilder(repository({"a.ts": "", "b.json": "{}"}))

    parsed = read("typescript", b"import './b.json'")
    builder.add_parsed(number=0, path="a.ts", language="typescript", parsed=parsed)
    built = builder.build()

    assert (built.edges, built.stats.beyond, built.stats.local) == ((), 1, 1)


def test_unread_file_is_a_node() -> None:
    """A file that was not read can be imported and is counted as skipped."""
    builder = GraphBuilder(repository({"a.js": "", "big.min.js": ""}))

    parsed = read("javascript", b"import './big.min.js'")
    builder.add_parsed(number=0, path="a.js", language="javascript", parsed=parsed)
    builder.add_unread(number=1, path="big.min.js")
    built = builder.build()

    assert (len(built.edges), built.stats.skipped) == (1, 1)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("bad.py", b"(" * 200_000),
        ("bad.py", "import a\n".encode("utf-16")),
        ("bad.py", random.Random(1).randbytes(1_000_000)),
        ("bad.ts", b"[" * 200_000),
        ("bad.tsx", random.Random(2).randbytes(1_000_000)),
        ("bad.js", b"import '" + b"../" * 100_000 + b"x'"),
        ("bad.js", b"import './" + b"x" * 500_000 + b"'"),
        ("bad.py", b"import " + b"a." * 100_000 + b"a"),
        ("bad.py", b"from " + b"." * 100_000 + b" import a"),
    ],
)
def test_hostile_file_leaves_the_other_edges_as_they_are(path: str, content: bytes) -> None:
    """One file, whatever it holds, costs at most its own edges."""
    found = {pair: kinds for pair, kinds in edges({**FILES, path: content}).items() if pair[0] != path}

    assert found == edges(FILES)
