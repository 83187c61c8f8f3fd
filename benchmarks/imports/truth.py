"""How many of the edges of the truth lists ``pharos graph`` finds, and how many of those it prints are right.

    .venv/bin/python -m benchmarks.imports.truth FOLDER [--only PART] [--disagreements FILE]

FOLDER holds the repositories as ``owner+name``, checked out or bare (or ``owner+name/repo``), or is filled by git;
django comes as the source archive of PyPI. ``truth/INDEX.md`` says what the lists mean and how they were made.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TRUTH = Path(__file__).parent / "truth"
#: What the judges of the lists read. Edges out of files of other languages are neither right nor wrong here.
JUDGED = (".py", ".pyi", ".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts")

#: The kinds of a statement that is an import; without either, a call names the file.
_IMPORTS = frozenset(("runtime", "type-only"))

Edge = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Truth:
    """The lists of one repository."""

    repository: str
    commit: str
    main: frozenset[Edge]
    built: frozenset[Edge]
    #: Neither right nor wrong: dynamic, assets, ambiguous.
    free: frozenset[Edge]
    #: From an ambiguous edge to the one of ``main`` that it stands for.
    twins: dict[Edge, Edge]


@dataclass(frozen=True, kw_only=True)
class Score:
    """One repository, or all of them added up."""

    repository: str
    wanted: int
    found: int
    printed: int
    built_wanted: int
    built_found: int
    missed: tuple[Edge, ...] = ()
    wrong: tuple[Edge, ...] = ()
    #: Of those that are wrong: made by no import but by a name in a call, which the lists have for some calls only.
    dynamic: int = 0

    @property
    def recall(self) -> float:
        """Share of the edges of the main list that were printed."""
        return self.found / self.wanted if self.wanted else 1.0

    @property
    def precision(self) -> float:
        """Share of what was printed that is not wrong."""
        return 1 - len(self.wrong) / self.printed if self.printed else 1.0


def truths() -> Iterator[Truth]:
    """Yield the lists of every repository."""
    kinds = ("built", "dynamic", "assets", "ambiguous")
    for path in sorted(TRUTH.glob("*.tsv")):
        name = path.name.removesuffix(".tsv")
        if name.rpartition(".")[2] in kinds:
            continue
        owner, _, commit = name.rpartition("@")
        lists = {kind: _rows(TRUTH / f"{name}.{kind}.tsv") for kind in kinds}
        ambiguous = {(row[0], row[1]): row[2] for row in lists["ambiguous"]}
        yield Truth(
            repository=owner.replace("__", "/"),
            commit=commit,
            main=_edges(_rows(path)),
            built=_edges(lists["built"]),
            free=_edges([*lists["dynamic"], *lists["assets"], *lists["ambiguous"]]),
            twins={edge: (edge[0], twin) for edge, why in ambiguous.items() if (twin := _twin(why))},
        )


def score(truth: Truth, printed: frozenset[Edge], dynamic: frozenset[Edge] = frozenset()) -> Score:
    """Judge what was printed: an edge or its twin counts as found; built, dynamic and asset edges are never wrong.

    ``dynamic`` are those of the printed that are of no other kind; what the lists lack of them is wrong, and counted.
    """
    judged = frozenset(edge for edge in printed if edge[0].endswith(JUDGED))
    hits = (truth.main & judged) | (truth.main & {truth.twins[edge] for edge in judged & truth.twins.keys()})
    wrong = judged - truth.main - truth.built - truth.free
    return Score(
        repository=truth.repository,
        wanted=len(truth.main),
        found=len(hits),
        printed=len(judged),
        built_wanted=len(truth.built),
        built_found=len(truth.built & judged),
        missed=tuple(sorted(truth.main - hits)),
        wrong=tuple(sorted(wrong)),
        dynamic=len(wrong & dynamic),
    )


def total(scores: list[Score]) -> Score:
    """Return the sum: micro recall and precision."""
    return Score(
        repository="all (micro)",
        wanted=sum(one.wanted for one in scores),
        found=sum(one.found for one in scores),
        printed=sum(one.printed for one in scores),
        built_wanted=sum(one.built_wanted for one in scores),
        built_found=sum(one.built_found for one in scores),
        wrong=tuple(edge for one in scores for edge in one.wrong),
        dynamic=sum(one.dynamic for one in scores),
    )


def graph(place: Path, *options: str) -> dict[Edge, list[str]]:
    """Return the edges that the product prints for a folder or a bare repository, with nothing read before."""
    command = [sys.executable, "-m", "pharos", "graph", str(place), "--format", "json", *options]
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "XDG_CACHE_HOME": cache}
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    rows = map(json.loads, done.stdout.splitlines())
    # The last object may tell what was not read instead.
    return {(row["src"], row["dst"]): row["kinds"] for row in rows if "src" in row}


def place_of(truth: Truth, folder: Path) -> tuple[Path, tuple[str, ...]]:
    """Return where a repository lies below ``folder`` and how to ask for its commit; fetched if it is not there."""
    if truth.commit.startswith("sdist-"):
        return folder / f"django-{truth.commit.removeprefix('sdist-')}", ()
    place = folder / truth.repository.replace("/", "+")
    if not place.exists():
        subprocess.run(["git", "init", "--quiet", "--bare", str(place)], check=True)
        url = f"https://github.com/{truth.repository}"
        # A commit by its short name cannot be asked for, so all that branches lead to comes in, but for file contents.
        wanted = ["fetch", "--quiet", "--filter=blob:limit=1m", url, "+refs/heads/*:refs/heads/*"]
        subprocess.run(["git", "-C", str(place), *wanted], check=True)
    below = place / "repo"
    return (below if below.exists() else place), ("--ref", truth.commit)


def _rows(path: Path) -> list[list[str]]:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [line.split("\t") for line in text.splitlines()]


def _edges(rows: list[list[str]]) -> frozenset[Edge]:
    return frozenset((row[0], row[1]) for row in rows)


def _twin(why: str) -> str | None:
    for word in (" twin of ", " beside "):
        if word in why:
            return why.rpartition(word)[2]
    return None


def _print(one: Score) -> None:
    built = f"{one.built_found}/{one.built_wanted}" if one.built_wanted else "-"
    print(
        f"{one.repository:40} {one.found:6}/{one.wanted:<6} {one.recall:.4f}  {one.precision:.4f}"
        f"  {len(one.wrong):5} {one.dynamic:7}  {built:>9}",
        flush=True,
    )


def main() -> None:
    """Score and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="repositories whose name has this in it")
    parser.add_argument("--disagreements", type=Path, help="where every missed and wrong edge is written")
    asked = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}")
    print(f"{'repository':40} {'found':>13} recall  precision wrong dynamic      built")
    scores = []
    for truth in truths():
        if asked.only in truth.repository:
            place, options = place_of(truth, asked.folder)
            printed = graph(place, *options)
            dynamic = frozenset(edge for edge, kinds in printed.items() if _IMPORTS.isdisjoint(kinds))
            scores.append(score(truth, frozenset(printed), dynamic))
            _print(scores[-1])
    _print(total(scores))
    if asked.disagreements:
        rows = [f"missed\t{one.repository}\t{a}\t{b}\n" for one in scores for a, b in one.missed]
        rows += [f"wrong\t{one.repository}\t{a}\t{b}\n" for one in scores for a, b in one.wrong]
        asked.disagreements.write_text("".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
