"""What each source imports: read once, and remembered by what it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge_worker.source.cache import ParsedCache
from edge_worker.source.parse.statement import Parsed
from edge_worker.source.readings import Memory, NoMemory, readings, trusted_readings
from edge_worker.source.walk import Read, SourceFile

Way = Callable[[Read, Memory], Iterator[tuple[SourceFile, Parsed | None]]]
Modules = tuple[str, ...]

CONTENTS = {
    "a.py": b"import b\n",
    "same.py": b"import b\n",
    "b.py": b"# @generated\nimport c\n",
    "min.js": b"x=1;" * 6000,
    "noise.py": b"\0\1\2",
    "large.py": None,
}
FILES = tuple(
    SourceFile(path=path, language="javascript" if path.endswith(".js") else "python", oid=f"object of {path}", size=1)
    for path in CONTENTS
)


class Reader:
    """Answers by path, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, oids: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        for oid in oids:
            path = oid.removeprefix("object of ")
            self.asked.append(path)
            yield oid, CONTENTS[path]


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[ParsedCache]:
    """An empty cache."""
    with ParsedCache.open(tmp_path / "cache.sqlite") as opened:
        yield opened


def told(found: Iterable[tuple[SourceFile, Parsed | None]]) -> list[tuple[str, frozenset[str], Modules | None]]:
    """Return each file's path, flags and imported modules."""
    return [
        (file.path, file.flags, None if parsed is None else tuple(one.module for one in parsed.imports))
        for file, parsed in found
    ]


def by_contents(read: Read, memory: Memory) -> Iterator[tuple[SourceFile, Parsed | None]]:
    """Read all files, each remembered by what it holds."""
    return readings(FILES, read, memory)


def by_id(read: Read, memory: Memory) -> Iterator[tuple[SourceFile, Parsed | None]]:
    """Read all files, each remembered by the name of its object."""
    return trusted_readings(FILES, read, memory, memory.get_many((file.oid, file.language) for file in FILES))


EXPECTED = [
    ("a.py", frozenset(), ("b",)),
    ("same.py", frozenset(), ("b",)),
    ("b.py", frozenset({"generated"}), ("c",)),
    ("min.js", frozenset({"minified"}), None),
    ("noise.py", frozenset({"binary"}), None),
    ("large.py", frozenset({"too_large"}), None),
]


@pytest.fixture(params=[by_contents, by_id], ids=["by-contents", "by-id"])
def way(request: pytest.FixtureRequest) -> Way:
    """Each of the two ways to read a listing."""
    found: Way = request.param
    return found


def test_files_come_once_in_order_with_their_flags(way: Way) -> None:
    """Each file comes with what its contents say of it; None for those that are not parsed."""
    reader = Reader()

    assert told(way(reader, NoMemory())) == EXPECTED
    assert reader.asked == list(CONTENTS)


def test_what_was_parsed_before_is_not_parsed_again(
    way: Way, cache: ParsedCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a cache the answer is the same, and nothing is parsed."""
    told(way(Reader(), cache))
    cache.close()
    monkeypatch.delattr("edge_worker.source.readings.read_imports")

    with ParsedCache.open(tmp_path / "cache.sqlite") as again:
        assert told(way(Reader(), again)) == EXPECTED


def test_known_objects_are_not_read(cache: ParsedCache, tmp_path: Path) -> None:
    """By their ids, only objects that could not be read are asked for again."""
    told(by_id(Reader(), cache))
    cache.close()
    reader = Reader()

    with ParsedCache.open(tmp_path / "cache.sqlite") as again:
        told(by_id(reader, again))
    assert reader.asked == ["large.py"]


def test_objects_are_read_one_at_a_time() -> None:
    """An object is read when its turn comes, never ahead of it."""
    reader = Reader()

    next(by_id(reader, NoMemory()))

    assert reader.asked == ["a.py"]


def test_contents_are_read_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a listing of any length, no more is in memory than one question to the cache is worth."""
    monkeypatch.setattr("edge_worker.source.readings._BATCH_BYTES", 15)
    reader = Reader()
    found = by_contents(reader, NoMemory())

    first = next(found)

    assert reader.asked == ["a.py", "same.py"]
    assert told([first, *found]) == EXPECTED


def test_a_name_of_an_object_is_not_believed(cache: ParsedCache, tmp_path: Path) -> None:
    """Other contents under the same name are read anew."""
    told(by_contents(Reader(), cache))
    cache.close()
    liar = replace(FILES[0], path="liar.py", oid="object of a.py")

    with ParsedCache.open(tmp_path / "cache.sqlite") as again:
        found = told(readings([liar], lambda oids: ((oid, b"import z\n") for oid in oids), again))

    assert found == [("liar.py", frozenset(), ("z",))]


@pytest.mark.parametrize("known", [False, True], ids=["by-contents", "by-id"])
def test_a_file_that_is_not_to_be_parsed_is_not_read(known: bool) -> None:
    """What its name says is enough."""
    reader = Reader()
    named = SourceFile(path="a.py", language="python", oid="object of a.py", size=1, flags=frozenset({"minified"}))

    found = trusted_readings([named], reader, NoMemory(), {}) if known else readings([named], reader, NoMemory())

    assert list(found) == [(named, None)]
    assert reader.asked == []
