"""Whether the fast reading gives the graph that the grammars give, edge for edge with kinds and lines.

    .venv/bin/python -m benchmarks.imports.equality PLACE... [--show 20]

PLACE is a folder or a bare repository, whose HEAD is read. Ends with 1 if a file that its grammar reads whole has
other imports by the scan, or an edge out of such a file differs. In a file with syntax errors the grammar itself loses
what stands around an import, so those are counted apart.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from edge_worker.source.entry import Entry
from edge_worker.source.graph import GraphBuilder, Link
from edge_worker.source.languages.registry import known
from edge_worker.source.listing import WorkTree
from edge_worker.source.parse.statement import Parsed
from edge_worker.source.reader import parse_imports
from edge_worker.source.resolve.repository import Repository
from edge_worker.source.walk import UNPARSED, Read, Selection, content_flags, select

_LARGEST = 4 << 20


@dataclass(kw_only=True)
class Comparison:
    """What came out for one repository. CPU seconds are those of this process."""

    files: int = 0
    #: Files of which the scan was not certain.
    unsure: int = 0
    scan_seconds: float = 0.0
    parse_seconds: float = 0.0
    links: int = 0
    #: Files in which the two found other imports, those that their grammar reads whole first.
    differing: list[str] = field(default_factory=list)
    differing_broken: list[str] = field(default_factory=list)
    #: Edges that only one of them has, or has otherwise.
    links_apart: list[str] = field(default_factory=list)
    links_apart_broken: int = 0

    @property
    def equal(self) -> bool:
        """Whether nothing differs but in files with syntax errors."""
        return not self.differing and not self.links_apart


def compare(place: Path) -> Comparison:
    """Read every file of a repository both ways, and build both graphs."""
    if (place / "HEAD").exists():
        chosen, read = _of_bare(place)
    else:
        tree = WorkTree(place, max_file_bytes=_LARGEST)
        with TemporaryDirectory() as made:
            chosen, read = tree.select(tree.listing(None, Path(made))), tree.read
    found = Comparison()
    graphs = [_builder(chosen, read), _builder(chosen, read)]
    broken = set()
    wanted = read(file.oid for file in chosen.files if file.parsed)
    for number, file in enumerate(chosen.files):
        data = next(wanted)[1] if file.parsed else None
        if data is None or content_flags(data) & UNPARSED:
            for graph in graphs:
                graph.add_unread(number=number, path=file.path)
            continue
        readings = _both(found, file.path, file.language, data)
        if readings[1].status != "parsed":
            broken.add(file.path)
        for graph, parsed in zip(graphs, readings, strict=True):
            graph.add_parsed(number=number, path=file.path, language=file.language, parsed=parsed)
    quick, exact = (set(graph.links()) for graph in graphs)
    found.links = len(exact)
    apart = sorted(quick ^ exact, key=lambda link: (link.source, link.target))
    found.links_apart = [_told(link, link in quick) for link in apart if link.source not in broken]
    found.links_apart_broken = len(apart) - len(found.links_apart)
    return found


def _both(found: Comparison, path: str, language: str, data: bytes) -> tuple[Parsed, Parsed]:
    scan = known()[language].scan
    started = time.process_time()
    scanned = scan(data) if scan is not None else None
    scanned_by = time.process_time()
    if scan is not None and known()[language].dialect is None:
        exact = scanned or Parsed(imports=(), status="failed")
    else:
        exact = parse_imports(language, data)
    found.files += 1
    found.scan_seconds += scanned_by - started
    found.parse_seconds += time.process_time() - scanned_by
    if scanned is None:
        found.unsure += scan is not None
        return exact, exact
    if scanned.imports != exact.imports:
        (found.differing if exact.status == "parsed" else found.differing_broken).append(path)
    return scanned, exact


def _builder(chosen: Selection, read: Read) -> GraphBuilder:
    def config(path: str) -> bytes | None:
        entry = chosen.index.get(path)
        return next(data for _, data in read([entry.oid])) if entry is not None else None

    return GraphBuilder(Repository(paths=chosen.index, aliases=chosen.aliases, read=config))


def _told(link: Link, is_quick: bool) -> str:
    return f"{'scan' if is_quick else 'grammar'}: {link.source} -> {link.target} {','.join(link.kinds)} {link.line}"


def _of_bare(place: Path) -> tuple[Selection, Read]:
    listing = _git(place, "ls-tree", "-r", "-z", "-l", "--full-tree", "HEAD")
    objects: dict[str, bytes | None] = {}

    def read(oids: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        for oid in oids:
            if oid not in objects:
                objects[oid] = _git(place, "cat-file", "blob", oid)
            yield oid, objects[oid]

    entries = [_entry(line) for line in listing.split(b"\0") if line]
    objects.update(_blobs(place, entries))
    return select(entries, read, border=lambda: None), read


def _entry(line: bytes) -> Entry:
    head, _, path = line.partition(b"\t")
    mode, _, oid, size = head.decode().split()
    known_size = int(size) if size.isdigit() and int(size) <= _LARGEST else None
    return Entry(mode=mode, oid=oid, size=known_size, path=path.decode("utf-8", "surrogateescape"))


def _blobs(place: Path, entries: Iterable[Entry]) -> Iterator[tuple[str, bytes | None]]:
    """Yield the contents of all files at once; what was not fetched is None."""
    wanted = [entry.oid for entry in entries if entry.size is not None]
    answer = _git(place, "cat-file", "--batch", given="\n".join(wanted).encode() + b"\n")
    at = 0
    for oid in wanted:
        end = answer.index(b"\n", at)
        head = answer[at:end].split()
        size = int(head[2]) if len(head) == 3 else None
        yield oid, None if size is None else answer[end + 1 : end + 1 + size]
        at = end + 1 + (size + 1 if size is not None else 0)


def _git(place: Path, *arguments: str, given: bytes = b"") -> bytes:
    return subprocess.run(
        ["git", "--git-dir", str(place), *arguments], input=given, capture_output=True, check=True
    ).stdout


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("places", type=Path, nargs="+")
    parser.add_argument("--show", type=int, default=10, help="differences told of each repository")
    asked = parser.parse_args()
    print(
        f"{'repository':44} {'files':>6} {'unsure':>7} {'scan s':>7} {'parse s':>8} {'edges':>7} {'apart':>6}  broken"
    )
    equal = True
    for place in asked.places:
        one = compare(place)
        equal = equal and one.equal
        name = place.parent.name if place.name == "repo" else place.name
        print(
            f"{name:44} {one.files:6} {one.unsure / max(one.files, 1):7.2%} {one.scan_seconds:7.2f}"
            f" {one.parse_seconds:8.2f} {one.links:7} {len(one.links_apart):6}"
            f"  {len(one.differing_broken)} files, {one.links_apart_broken} edges",
            flush=True,
        )
        for line in (*one.differing, *one.links_apart)[: asked.show]:
            print(f"    {line}")
    sys.exit(0 if equal else 1)


if __name__ == "__main__":
    main()
