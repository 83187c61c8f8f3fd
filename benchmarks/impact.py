"""Impact of a change, judged by real commits: given one of a commit's files, are the others among the first 20?

    .venv/bin/python -m benchmarks.impact MIRROR [MIRROR ...] [--commits 100] [--seconds 3000]

MIRROR is a bare repository with its history. For each of its newest commits that change 2 to 20 known source files, the
parent is indexed as an ingest would (read, resolve, train, analyse, publish), then each of up to eight changed files is
given to the product's own service in turn, and every second one of them together. Beside it stand two plain orders:
files of the same folder, then of ever further ones, by name; and whoever depends on the file, by distance, then by
name. A share is of the commit's other changed files, averaged over the questions of a commit, then over commits.

The weights of the ranking were fitted on sphinx-doc/sphinx; measure on others.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from benchmarks.house import House
from benchmarks.published import REPOSITORY, publish
from cloud_api.services.impact import Change, Impacts
from edge_worker.compute.data import graph_data
from edge_worker.compute.device import choose_device
from edge_worker.compute.neighbours import nearest
from edge_worker.compute.node2vec import fit
from edge_worker.compute.trainer import Parameters
from edge_worker.handlers.base import Reporter
from edge_worker.handlers.reading import read_structure
from edge_worker.source.bare import BareRepository
from edge_worker.source.cache import ParsedCache
from edge_worker.source.git import GitFolder
from edge_worker.structure.analysis import analyse
from shared.errors import Permanent
from shared.knowledge import FileRow, Knowledge
from shared.ledger.graph import GraphReader
from shared.ledger.postgres import Database
from shared.ledger.records import DEFAULT_TENANT
from shared.paths import folder_of, is_test

_ANSWERS = 20
_FEWEST, _MOST, _QUESTIONS = 2, 20, 8
_ORDERS = ("pharos", "same folder", "dependents")


@dataclass
class Tally:
    """Shares by question and order, one list a commit."""

    shares: dict[tuple[str, str], list[list[float]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, commit: dict[tuple[str, str], list[float]]) -> None:
        """Take in the shares of one commit."""
        for key, found in commit.items():
            self.shares[key].append(found)

    def mean(self, question: str, order: str) -> str:
        """Return the mean of the commits' means, and how many there were."""
        means = [statistics.fmean(found) for found in self.shares[question, order]]
        return f"{statistics.fmean(means):.3f}" if means else "-"


def commits(mirror: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Yield commits with one parent, the newest first: the commit, its parent, and what it changed of the parent."""
    log = ["log", "--no-merges", "--format=%x01%H %P", "--name-status", "--no-renames", "-z", "HEAD"]
    done = subprocess.run(["git", "-C", str(mirror), *log], capture_output=True, check=True)
    for block in done.stdout.decode("utf-8", "surrogateescape").split("\x01")[1:]:
        head, _, rest = block.partition("\0")
        commit, *parents = head.split()
        words = iter(word for word in rest.strip("\n").split("\0") if word.strip())
        changed = [path for status, path in zip(words, words, strict=False) if status.strip() in {"M", "D"}]
        if len(parents) == 1 and len(changed) >= _FEWEST:
            yield commit, parents[0], changed


def learned(folder: Path, commit: str, cache: ParsedCache) -> Knowledge:
    """Return what an ingest of one commit learns."""
    bare = BareRepository(
        name="bench",
        commit=commit,
        folder=GitFolder(root=folder),
        seconds=600.0,
        max_files=100_000,
        max_file_bytes=1 << 20,
    )
    reporter = Reporter(lambda *_: None, lambda: False)
    with bare:
        structure = read_structure(bare, cache, reporter)
    edges = structure.graph.edges
    data = graph_data(len(structure.files), [(edge.source, edge.target) for edge in edges])
    embedding = fit(
        data, Parameters(), device=choose_device("cpu", len(structure.files)), progress=lambda done, total: None
    )
    similar = nearest(embedding.vectors, embedding.isolated)
    rows = tuple(
        FileRow(
            number=number,
            path=file.path,
            language=file.language,
            size=file.size,
            blob=file.oid,
            status=structure.statuses[number],
            isolated=bool(embedding.isolated[number]),
            similar=similar[number],
            flags=tuple(sorted(file.flags)),
        )
        for number, file in enumerate(structure.files)
    )
    return Knowledge(commit=commit, files=rows, edges=edges, stats={}, analysis=analyse(rows, edges))


def by_folder(known: Knowledge, given: Sequence[str]) -> list[str]:
    """Return the other files by the fewest folders between them and a given one, then by name."""
    folders = [folder_of(path).split("/") for path in given]

    def apart(path: str) -> int:
        own = folder_of(path).split("/")
        return min(len(own) + len(other) - 2 * len(_shared(own, other)) for other in folders)

    return sorted((file.path for file in known.files if file.path not in given), key=lambda path: (apart(path), path))


def _shared(one: Sequence[str], other: Sequence[str]) -> Sequence[str]:
    return [first for first, second in zip(one, other, strict=False) if first == second]


def by_dependents(known: Knowledge, given: Sequence[str]) -> list[str]:
    """Return whatever depends on a given file, the nearest first, then by name."""
    importers: dict[int, list[int]] = defaultdict(list)
    for edge in known.edges:
        importers[edge.target].append(edge.source)
    steps = {file.number: 0 for file in known.files if file.path in given}
    open_ = deque(steps)
    while open_:
        number = open_.popleft()
        for importer in importers[number]:
            if importer not in steps:
                steps[importer] = steps[number] + 1
                open_.append(importer)
    found = sorted((step, known.files[number].path) for number, step in steps.items() if step)
    return [path for _, path in found]


def judge(known: Knowledge, changed: Sequence[str], impacts: Impacts) -> dict[tuple[str, str], list[float]]:
    """Return the share of the other changed files, and of the tests among them, that each order puts in front."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    questions = [("one", [path]) for path in changed[:_QUESTIONS]]
    if len(changed) > _FEWEST:
        questions.append(("half", list(changed[::2])))
    for question, given in questions:
        wanted = [path for path in changed if path not in given]
        changes = [Change(path=path, status="modified") for path in given]
        ours = impacts.of(REPOSITORY, changes, tenant=DEFAULT_TENANT, depth=3, limit=_ANSWERS)
        answers = ([one.path for one in ours.affected], by_folder(known, given), by_dependents(known, given))
        for order, answer in zip(_ORDERS, answers, strict=True):
            first = set(answer[:_ANSWERS])
            for name, part in ((question, wanted), (f"{question}, tests", [one for one in wanted if is_test(one)])):
                if part:
                    found[name, order].append(sum(path in first for path in part) / len(part))
    return found


def measure(house: House, mirror: Path, *, most: int, until: float) -> tuple[Tally, int]:
    """Return the shares of a repository's newest commits, and how many there were."""
    tally, count = Tally(), 0
    folder = Path(tempfile.mkdtemp(dir=house.folder))
    (folder / "repository").symlink_to(mirror)
    (folder / "gitconfig").write_text("[safe]\n\tdirectory = *\n")
    database = Database(SecretStr(house.settings["PHAROS_DATABASE_URL"]))
    impacts = Impacts(GraphReader(database))
    with closing(database), ParsedCache.open(folder / "parsed") as cache:
        for _, parent, changed in commits(mirror):
            if count >= most or time.monotonic() > until:
                break
            # Most are left out here, before anything is built.
            if sum(Path(path).suffix in _SUFFIXES for path in changed) not in range(_FEWEST, _MOST + 1):
                continue
            try:
                known = learned(folder, parent, cache)
            except Permanent:
                continue
            sources = {file.path for file in known.files}
            touched = sorted(path for path in changed if path in sources)
            if _FEWEST <= len(touched) <= _MOST:
                publish(house, known)
                tally.add(judge(known, touched, impacts))
                count += 1
    return tally, count


_SUFFIXES = frozenset(
    (".py", ".pyi", ".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue", ".go", ".rs", ".java")
)


def main() -> None:
    """Print a table a repository."""
    parser = argparse.ArgumentParser()
    parser.add_argument("mirrors", nargs="+", type=Path)
    parser.add_argument("--commits", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=3000.0, help="when to stop with a repository")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pharos-bench-") as folder, House(Path(folder)) as house:
        for mirror in given.mirrors:
            cpu = time.process_time()
            tally, count = measure(house, mirror.resolve(), most=given.commits, until=time.monotonic() + given.seconds)
            load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
            print(f"{mirror}: {count} commits, {time.process_time() - cpu:.0f} CPU s, load average {load}")
            for question in ("one", "one, tests", "half", "half, tests"):
                shares = "   ".join(f"{order} {tally.mean(question, order)}" for order in _ORDERS)
                print(f"  given {question:12} {shares}", flush=True)


if __name__ == "__main__":
    main()
