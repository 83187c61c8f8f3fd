"""Where ``pharos graph`` and its peers disagree on a repository that nobody has looked at: every line is to be read.

    .venv/bin/python -m benchmarks.imports.first_contact FOLDER OUTPUT [--roots src,.]

FOLDER is a checked out repository; ``--roots`` are its true import roots, for Python. Without them it is read as
JavaScript and TypeScript, whose peers find a package of a workspace only where it is installed: link each one below the
root's ``node_modules`` first. OUTPUT gets one line a pair that one has and the other has not: who has it, and the pair.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterable
from pathlib import Path

from benchmarks.imports.peers import peers, run
from benchmarks.imports.truth import JUDGED, Edge, graph

_PYTHON = (".py", ".pyi")
_TARGETS = (".json", ".vue")


def told(edges: Iterable[Edge], place: Path, suffixes: tuple[str, ...]) -> frozenset[Edge]:
    """Return the edges between tracked files of a language, by their real paths: a peer may come through a link."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=place, capture_output=True, check=True).stdout
    tracked = frozenset(listed.decode("utf-8", "surrogateescape").split("\0"))

    def real(path: str) -> str:
        whole = (place / path).resolve()
        return whole.relative_to(place).as_posix() if whole.is_relative_to(place) else path

    pairs = ((real(source), real(target)) for source, target in edges)
    return frozenset(
        (source, target)
        for source, target in pairs
        if source != target
        and {source, target} <= tracked
        and source.endswith(suffixes)
        and target.endswith((*suffixes, *_TARGETS))
    )


def main() -> None:
    """Compare and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--roots", default="", help="import roots of Python, with commas between them")
    asked = parser.parse_args()
    place = asked.folder.resolve()
    roots = tuple(root for root in asked.roots.split(",") if root)
    suffixes = _PYTHON if roots else tuple(suffix for suffix in JUDGED if suffix not in _PYTHON)
    mine = told(graph(place), place, suffixes)
    rows = []
    for peer in peers(place, roots):
        output = run(peer, place).output
        if output is None:
            print(f"{peer.name:22} failed")
            continue
        others = told(peer.edges(output, place), place, suffixes)
        rows += [f"only pharos, not {peer.name}\t{a}\t{b}\n" for a, b in sorted(mine - others)]
        rows += [f"only {peer.name}\t{a}\t{b}\n" for a, b in sorted(others - mine)]
        counts = f"both {len(mine & others)}, only pharos {len(mine - others)}, only it {len(others - mine)}"
        print(f"{peer.name:22} {counts}", flush=True)
    asked.output.write_text("".join(rows), encoding="utf-8", errors="backslashreplace")


if __name__ == "__main__":
    main()
