"""What a graph answers, over HTTP: p50 and p95 of every question, with no worker there.

    .venv/bin/python -m benchmarks.graph_answers [files] [edges] [rounds]

A generated repository (10,000 files, 40,000 edges) is analysed and published; then each question is asked so often on
one kept-alive connection, of files chosen at random. PostgreSQL, the control plane and the client share this machine;
CPU is what the first two used for one question.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import psutil
import psycopg

from benchmarks.house import ADMIN, House
from benchmarks.published import REPOSITORY, publish
from edge_worker.structure.analysis import analyse
from shared.knowledge import EdgeRow, FileRow, Knowledge, UnresolvedRow

#: What is asked by name, each a maker of one request.
Questions = Mapping[str, Callable[[], dict[str, Any]]]

_BASE = f"/api/v1/repositories/{REPOSITORY}"
_NEAREST = 10
#: Files of a folder, and edges that lead against the grain and so make cycles.
_FOLDER = 25
_BACKWARDS = 0.02


def generated(files: int, edges: int, seed: int = 1) -> Knowledge:
    """Return a repository whose imports lead from many to few, mostly to earlier files and often within a folder."""
    chance = random.Random(seed)  # noqa: S311 - a generated graph
    pairs: set[tuple[int, int]] = set()
    while len(pairs) < edges:
        source = chance.randrange(files)
        near = chance.random() < 0.5
        target = source - chance.randrange(_FOLDER) if near else int(files * chance.random() ** 2)
        if target < 0 or target == source:
            continue
        if chance.random() > _BACKWARDS and source < target:
            source, target = target, source
        pairs.add((source, target))
    rows = tuple(_file(number, files, chance) for number in range(files))
    links = tuple(
        EdgeRow(source=one, target=other, kinds=("runtime",), line=chance.randrange(1, 60), confidence=1.0)
        for one, other in sorted(pairs)
    )
    unresolved = tuple(UnresolvedRow(source=number, line=9, module=".gone") for number in range(min(files, 5_000)))
    return Knowledge(
        commit="b" * 40,
        files=rows,
        edges=links,
        stats={"unresolved_local": files},
        unresolved=unresolved,
        analysis=analyse(rows, links),
    )


def _file(number: int, files: int, chance: random.Random) -> FileRow:
    package, name = number // _FOLDER, f"module_{number}"
    test = number % 5 == 4
    return FileRow(
        number=number,
        path=f"tests/package_{package}/test_{name}.py" if test else f"src/package_{package}/{name}.py",
        language="python",
        size=4_000,
        blob=f"{number:040x}",
        status="parsed",
        isolated=False,
        similar=tuple((chance.randrange(files), 0.9 - place / 50) for place in range(_NEAREST)),
    )


def questions(known: Knowledge, chance: random.Random) -> Questions:
    """Return what is asked of a repository."""
    paths = [file.path for file in known.files]
    hubs = sorted(range(len(paths)), key=lambda number: -known.analysis.standings[number].importers)[:20]

    def one() -> str:
        return chance.choice(paths)

    def get(what: str, **query: object) -> dict[str, Any]:
        return {"method": "GET", "url": f"{_BASE}/{what}", "params": query}

    def impact(*changed: str, status: str = "modified") -> dict[str, Any]:
        body = {"changes": [{"path": path, "status": status} for path in changed]}
        return {"method": "POST", "url": f"{_BASE}/impact", "json": body}

    return {
        "dependencies, direct": lambda: get("dependencies", path=one()),
        "dependents, direct": lambda: get("dependents", path=one()),
        "dependents of a hub, direct": lambda: get("dependents", path=paths[chance.choice(hubs)]),
        "dependents, 3 steps": lambda: get("dependents", path=one(), depth=3, limit=200),
        "dependents of a hub, all": lambda: get("dependents", path=paths[chance.choice(hubs)], depth=50, limit=1000),
        "dependencies, all": lambda: get("dependencies", path=one(), depth=50, limit=1000),
        "paths": lambda: get("paths", source=one(), target=one()),
        "paths to a hub": lambda: get("paths", source=one(), target=paths[chance.choice(hubs)]),
        "similar": lambda: get("similar", path=one()),
        "impact of one file": lambda: impact(one()),
        "impact of a hub": lambda: impact(paths[chance.choice(hubs)]),
        "impact of ten files": lambda: impact(*(one() for _ in range(10))),
        "impact of a removal": lambda: impact(one(), status="removed"),
        "cycles": lambda: get("cycles"),
        "orphans": lambda: get("orphans"),
        "central by rank": lambda: get("central"),
        "central by importers": lambda: get("central", by="importers"),
        "communities": lambda: get("communities"),
        "files of a community": lambda: get("communities/0/files"),
        "unresolved": lambda: get("unresolved"),
    }


def servers(house: House) -> list[psutil.Process]:
    """Return this process's children, the control plane among them, and PostgreSQL with all of its backends."""
    with psycopg.connect(house.settings["PHAROS_DATABASE_URL"]) as link:
        postmaster = psutil.Process(link.info.backend_pid).parent()
    assert postmaster is not None
    return [*psutil.Process().children(recursive=True), postmaster, *postmaster.children(recursive=True)]


def cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    """Return what these have used so far; one that ended in between is left out."""
    used = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            used += sum(process.cpu_times()[:2])
    return used


def measure(client: httpx2.Client, make: Callable[[], dict[str, Any]], rounds: int) -> tuple[float, float, int]:
    """Return p50 and p95 in milliseconds, and the bytes of the largest answer."""
    milliseconds, largest = [], 0
    for _ in range(rounds):
        asked = make()
        began = time.perf_counter()
        answer = client.request(**asked)
        milliseconds.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"{asked['url']}: {answer.status_code} {answer.text[:300]}")
        largest = max(largest, len(answer.content))
    return statistics.median(milliseconds), statistics.quantiles(milliseconds, n=20)[-1], largest


def tell(house: House, client: httpx2.Client, asked: Questions, rounds: int) -> None:
    """Print a line a question."""
    for name, make in asked.items():
        measure(client, make, 5)
        busy = servers(house)
        used = cpu_seconds(busy)
        middle, late, largest = measure(client, make, rounds)
        used = (cpu_seconds(busy) - used) / rounds * 1000
        print(
            f"  {name:28} p50 {middle:6.1f} ms   p95 {late:6.1f} ms   CPU {used:5.1f} ms   {largest:8,} bytes",
            flush=True,
        )


def main(files: int = 10_000, edges: int = 40_000, rounds: int = 100) -> None:
    """Print the figures: right after the publishing, and once PostgreSQL knows its tables."""
    cpu = time.process_time()
    known = generated(files, edges)
    figures = known.analysis.figures()
    print(
        f"{files:,} files, {edges:,} edges; generated and analysed in {time.process_time() - cpu:.2f} CPU s: {figures}"
    )
    with tempfile.TemporaryDirectory(prefix="pharos-bench-") as folder, House(Path(folder)) as house:
        port = house.start_plane()
        first, again = publish(house, known), publish(house, known)
        print(f"publishing: {first:.2f} s the first time, {again:.2f} s over an older generation")
        chance = random.Random(2)  # noqa: S311 - which files are asked for
        headers = {"Authorization": f"Bearer {ADMIN}"}
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60.0) as client:
            for state in ("just published", "analysed by autovacuum"):
                print(state)
                tell(house, client, questions(known, chance), rounds)
                house.analyse()
    print("load average:", ", ".join(f"{one:.1f}" for one in os.getloadavg()))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:4]))
