"""What an import graph costs: ours and its peers' CPU seconds and peak memory, one after another, round by round.

    .venv/bin/python -m benchmarks.imports.peers FOLDER [--rounds 3] [--only PART]

FOLDER holds checked out repositories as for ``truth.py``. Ours runs as the product does, twice a round: with an empty
cache, which it fills, and with that cache. ruff and grimp are those of the development environment (grimp is given
its roots and packages, since it finds none by itself); rev-dep and dependency-cruiser are installed by npm into
``.venv-peers/npm``, where there is Node. CPU seconds (user and system, of all processes) are what compares on a busy
machine; the load is printed beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.imports.truth import Edge, Truth, place_of, score, truths

ROOT = Path(__file__).parents[2]
NPM = ROOT / ".venv-peers" / "npm"
PACKAGES = ("rev-dep@2.19.1", "dependency-cruiser@17.4.3", "typescript@5.9.3")
#: A repository of the lists, and the folders whose packages grimp is told of; none for TypeScript.
SETS: Mapping[str, tuple[str, ...]] = {
    "django/django": (".", "tests"),
    "sqlalchemy/sqlalchemy": ("lib", "."),
    "excalidraw/excalidraw": (),
    "microsoft/playwright": (),
    "typescript-eslint/typescript-eslint": (),
}
#: Beside the lists, for its size alone, where it lies in the folder.
UNLISTED = ("prisma/prisma",)

_GRIMP = """
import sys, os
roots = sys.argv[1:]
sys.path[:0] = roots
import grimp
packages = sorted({name for root in roots for name in os.listdir(root)
                   if os.path.exists(os.path.join(root, name, "__init__.py"))})
if "test_runner_apps" in packages:  # a syntax error that is there on purpose ends its whole run
    packages.remove("test_runner_apps")
graph = grimp.build_graph(*packages, cache_dir=None)
places = {}
for module in graph.modules:
    for root in roots:
        path = os.path.join(root, *module.split("."))
        real = next((one for one in (path + "/__init__.py", path + ".py") if os.path.exists(one)), None)
        if real:
            places[module] = os.path.relpath(real)
            break
for one in graph.modules:
    for other in graph.find_modules_directly_imported_by(one):
        if one in places and other in places:
            print(places[one], places[other], sep="\\t")
"""


#: Starts a program from a process that is smaller than any of them: a child's peak begins with its parent's.
_LAUNCH = """
import os, sys
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
with open(sys.argv[1], "w") as out:
    print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status), file=out)
"""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """One run. ``output`` is None when it failed."""

    cpu: float
    mebibytes: float
    output: bytes | None


@dataclass(frozen=True, kw_only=True)
class Peer:
    """How a tool is run in a repository, and the edges in what it writes."""

    name: str
    command: tuple[str, ...]
    edges: Callable[[bytes, Path], Iterable[Edge]]
    environment: Mapping[str, str]


def run(peer: Peer, place: Path) -> Cost:
    """Run a tool to its end; CPU seconds and peak memory are those of it and of all that it started."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        command = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(report), *peer.command]
        environment = {**os.environ, **peer.environment}
        done = subprocess.run(
            command, cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
        )
        cpu, mebibytes, code = map(float, report.read_text().split())
    return Cost(cpu=cpu, mebibytes=mebibytes, output=done.stdout if code == 0 else None)


def ours(place: Path, cache: Path) -> Peer:
    """Return our own run, with a cache in a folder."""
    command = (sys.executable, "-m", "pharos", "graph", str(place))
    return Peer(
        name="pharos graph",
        command=command,
        edges=_pairs,
        environment={"XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT)},
    )


def peers(place: Path, roots: tuple[str, ...]) -> list[Peer]:
    """Return the peers for a repository of Python, told by its roots, or of TypeScript."""
    if roots:
        ruff = str(Path(sys.executable).with_name("ruff"))
        sources = f"src={json.dumps(list(roots))}"
        given = [str(place / root) for root in roots]
        return [
            _peer("ruff analyze graph", (ruff, "analyze", "graph", "--isolated", "--config", sources, "."), _of_ruff),
            _peer("grimp", (sys.executable, "-c", _GRIMP, *given), _pairs),
        ]
    installed = _npm()
    if installed is None:
        print("  no Node here: rev-dep and dependency-cruiser are left out")
        return []
    fast = next((installed / "@rev-dep").glob("*/bin/rev-dep*"))
    follow = ("--follow-monorepo-packages", "--cwd", str(place))
    config = ("--ts-config", "tsconfig.json") if (place / "tsconfig.json").exists() else ()
    slow = ("--no-config", "--output-type", "json", "--ts-pre-compilation-deps", *config)
    return [
        _peer("rev-dep", (str(fast), "debug", "get-tree-for-cwd", *follow), _of_rev_dep),
        _peer("dependency-cruiser", (str(installed / ".bin" / "depcruise"), *slow, "."), _of_cruiser),
    ]


def _peer(name: str, command: tuple[str, ...], edges: Callable[[bytes, Path], Iterable[Edge]]) -> Peer:
    return Peer(name=name, command=command, edges=edges, environment={})


def _npm() -> Path | None:
    npm = shutil.which("npm")
    if npm is None:
        return None
    if not (NPM / "node_modules" / ".bin" / "depcruise").exists():
        NPM.mkdir(parents=True, exist_ok=True)
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--silent")
        subprocess.run([npm, "install", *quiet, "--prefix", str(NPM), *PACKAGES], check=True)
    return NPM / "node_modules"


def _pairs(output: bytes, place: Path) -> Iterable[Edge]:
    for line in output.decode().splitlines():
        source, _, target = line.partition("\t")
        yield source, target


def _of_ruff(output: bytes, place: Path) -> Iterable[Edge]:
    for source, targets in json.loads(output).items():
        yield from ((source, target) for target in targets)


def _of_rev_dep(output: bytes, place: Path) -> Iterable[Edge]:
    # It writes a second document after the first.
    tree, _ = json.JSONDecoder().raw_decode(output.decode())
    for source, found in tree.items():
        for one in found or ():
            if one["id"].startswith(f"{place}/"):
                yield source.removeprefix(f"{place}/"), one["id"].removeprefix(f"{place}/")


def _of_cruiser(output: bytes, place: Path) -> Iterable[Edge]:
    for module in json.loads(output)["modules"]:
        yield from ((module["source"], one["resolved"]) for one in module["dependencies"])


def measure(place: Path, roots: tuple[str, ...], truth: Truth | None, rounds: int) -> None:
    """Print the medians of some rounds, in which each tool takes its turn."""
    costs: dict[str, list[Cost]] = {}
    readers: dict[str, Peer] = {}
    others = peers(place, roots)
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            mine = ours(place, Path(cache))
            turns = [("pharos graph, cold", mine), ("pharos graph, warm", mine), *((one.name, one) for one in others)]
            for name, peer in turns:
                costs.setdefault(name, []).append(run(peer, place))
                readers[name] = peer
    for name, found in costs.items():
        cpu, peak = (statistics.median(values) for values in ([c.cpu for c in found], [c.mebibytes for c in found]))
        output = found[-1].output
        if output is None:
            told = "failed"
        else:
            edges = frozenset(readers[name].edges(output, place))
            told = f"{score(truth, edges).found} of {len(truth.main)}" if truth is not None else f"{len(edges)} edges"
        print(f"  {name:22} {cpu:6.2f} CPU s  {peak:6.0f} MiB  {told}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="repositories whose name has this in it")
    asked = parser.parse_args()
    known = {one.repository: one for one in truths()}
    for name in (*SETS, *UNLISTED):
        truth = known.get(name)
        place = place_of(truth, asked.folder)[0] if truth is not None else asked.folder / name.replace("/", "+")
        if asked.only in name and place.exists():
            print(f"{name}, load {os.getloadavg()[0]:.1f}", flush=True)
            measure(place.resolve(), SETS.get(name, ()), truth, asked.rounds)


if __name__ == "__main__":
    main()
