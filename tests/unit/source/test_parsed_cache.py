"""What is remembered of blobs, and all that may happen to the file that keeps it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from edge_worker.source.cache import ParsedCache
from edge_worker.source.language import Language
from edge_worker.source.languages.registry import known
from edge_worker.source.parse.statement import ImportStatement, Parsed
from edge_worker.source.reader import read
from edge_worker.source.remembered import Remembered

NOTHING = frozenset[str]()
DAY = 86_400.0
_LONGEST_SECONDS = 60.0
RICH = Parsed(
    imports=(
        ImportStatement(module="a.b", names=("c", "*"), level=2, kinds=("runtime", "nested"), line=7),
        ImportStatement(module="caf\u00e9 '\u2028", line=9),
    ),
    status="partial",
    declares=("x.Y", ""),
)


def blob(number: int) -> str:
    return f"{number:040x}"


def fill(path: Path, numbers: Iterable[int], *, now: float = 0.0, most_bytes: int = 2**28) -> None:
    with ParsedCache.open(path, now=lambda: now, most_bytes=most_bytes) as cache:
        for number in numbers:
            cache.put(blob(number), "python", flags=NOTHING, parsed=RICH)


def found(path: Path, numbers: Iterable[int], *, now: float = 0.0) -> set[int]:
    with ParsedCache.open(path, now=lambda: now) as cache:
        return {int(oid, 16) for oid, _ in cache.get_many((blob(number), "python") for number in numbers)}


def test_what_was_put_is_given_back(tmp_path: Path) -> None:
    """Statements, status, declarations and flags come back as they were, to whoever opens the file next."""
    with ParsedCache.open(tmp_path / "new" / "cache") as cache:
        cache.put(blob(1), "python", flags=frozenset({"generated"}), parsed=RICH)
        cache.put(blob(2), "tsx", flags=frozenset({"minified"}), parsed=None)

    with ParsedCache.open(tmp_path / "new" / "cache") as cache:
        answer = cache.get_many([(blob(1), "python"), (blob(2), "tsx"), (blob(1), "tsx"), (blob(3), "python")])

    assert cache.trouble is None
    assert answer == {
        (blob(1), "python"): Remembered(flags=frozenset({"generated"}), parsed=RICH),
        (blob(2), "tsx"): Remembered(flags=frozenset({"minified"}), parsed=None),
    }


def test_what_failed_is_not_kept(tmp_path: Path) -> None:
    """A reading that the clock may have ended is done anew."""
    with ParsedCache.open(tmp_path / "cache") as cache:
        cache.put(blob(1), "python", flags=NOTHING, parsed=Parsed(imports=(), status="failed"))

    assert found(tmp_path / "cache", [1]) == set()


@pytest.mark.parametrize(
    "parsed",
    [
        Parsed(imports=(ImportStatement(module="a\x1fb", line=1),), status="parsed"),
        Parsed(imports=(ImportStatement(module="a", names=("b\x1d",), line=1),), status="parsed"),
        Parsed(imports=(ImportStatement(module="a", names=("",), line=1),), status="parsed"),
        Parsed(imports=(), status="parsed", declares=("a\x1e",)),
    ],
)
def test_text_that_cannot_be_kept_is_read_anew(tmp_path: Path, parsed: Parsed) -> None:
    """What holds the signs that rows are made of is not remembered, and spoils nothing."""
    with ParsedCache.open(tmp_path / "cache") as cache:
        cache.put(blob(1), "python", flags=NOTHING, parsed=parsed)
        cache.put(blob(2), "python", flags=NOTHING, parsed=RICH)

    assert found(tmp_path / "cache", [1, 2]) == {2}


def test_thousands_are_asked_for_at_once(tmp_path: Path) -> None:
    """More blobs than one statement takes are answered by as many as are needed."""
    fill(tmp_path / "cache", range(5000))

    assert found(tmp_path / "cache", range(4000, 6000)) == set(range(4000, 5000))


def test_new_version_of_a_language_reads_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another version of the reader found is not given."""
    fill(tmp_path / "cache", [1])
    python = known()["python"]
    newer = Language(
        name="python", suffixes=python.suffixes, version=python.version + 1, resolver=python.resolver, dialect=None
    )

    monkeypatch.setattr("edge_worker.source.cache.known", lambda: {"python": newer})

    assert found(tmp_path / "cache", [1]) == set()


def test_oldest_use_goes_first(tmp_path: Path) -> None:
    """A full cache drops what nobody asked for longest, and a use on a later day keeps an entry."""
    path = tmp_path / "cache"
    fill(path, range(1000), now=0)
    fill(path, range(1000, 2000), now=DAY)
    assert found(path, range(500), now=2 * DAY) == set(range(500))

    fill(path, [2000], now=3 * DAY, most_bytes=path.stat().st_size // 2)
    kept = found(path, range(2001), now=3 * DAY)

    assert {2000, *range(500)} <= kept
    assert not kept & set(range(500, 1000))
    assert len(kept) < 1000


def test_reading_writes_once_a_day(tmp_path: Path) -> None:
    """A use is noted on another day than the last one, and not again on the same."""
    path = tmp_path / "cache"
    fill(path, range(10), now=0)
    before = path.read_bytes()

    found(path, range(10), now=DAY / 2)
    same_day = path.read_bytes()
    found(path, range(10), now=DAY)
    next_day = path.read_bytes()
    found(path, range(10), now=DAY * 1.5)

    assert same_day == before
    assert next_day != before
    assert path.read_bytes() == next_day


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    path.write_bytes(content)


def changed(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content.replace(b"runtime nested", b"runtime Nested"))


def cut_short(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 5000)


def of_somebody_else(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE readings (key TEXT, day INTEGER, row TEXT)")


def of_another_version(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 999")


@pytest.mark.parametrize(
    "spoil",
    [
        damaged,
        changed,
        cut_short,
        of_somebody_else,
        of_another_version,
        lambda path: path.write_bytes(b"no database at all" * 1000),
        lambda path: path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000),
    ],
    ids=["damaged", "changed", "cut", "foreign", "version", "text", "noise"],
)
def test_spoilt_file_is_made_anew(tmp_path: Path, spoil: object) -> None:
    """A file that is damaged or no such cache costs what it held, is said and put aside, and a new one is made."""
    path = tmp_path / "cache"
    fill(path, range(200))
    assert callable(spoil)
    spoil(path)

    with ParsedCache.open(path) as cache:
        answer = cache.get_many((blob(number), "python") for number in range(200))
        cache.put(blob(7), "python", flags=NOTHING, parsed=RICH)

    assert (answer, cache.trouble is not None) == ({}, True)
    assert found(path, range(200)) == {7}
    assert (tmp_path / "cache.bad").exists()


def test_empty_file_is_a_cache_to_be(tmp_path: Path) -> None:
    """A file without anything in it is made a cache and not put aside."""
    (tmp_path / "cache").touch()

    fill(tmp_path / "cache", [1])

    assert found(tmp_path / "cache", [1]) == {1}
    assert not (tmp_path / "cache.bad").exists()


def test_place_that_cannot_be_used_costs_nothing(tmp_path: Path) -> None:
    """Where no file can be, everything is unknown, and that is said."""
    (tmp_path / "file").touch()

    with ParsedCache.open(tmp_path / "file" / "cache") as cache:
        cache.put(blob(1), "python", flags=NOTHING, parsed=RICH)
        assert cache.get_many([(blob(1), "python")]) == {}

    assert cache.trouble is not None


def test_cache_that_another_process_holds_is_not_waited_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who cannot write does without, says so, and leaves the file as it is."""
    monkeypatch.setattr("edge_worker.kept._PATIENCE_SECONDS", 0.05)
    path = tmp_path / "cache"
    fill(path, [1])
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")

    with ParsedCache.open(path) as cache:
        cache.put(blob(2), "python", flags=NOTHING, parsed=RICH)
    holder.execute("ROLLBACK")
    holder.close()

    assert cache.trouble is not None
    assert found(path, [1, 2]) == {1}


def _write_for_ever(path: Path, first: int) -> None:
    while True:
        fill(path, range(first, first + 50))


def test_two_processes_that_are_killed_leave_a_whole_cache(tmp_path: Path) -> None:
    """Two writers at once, both killed in the midst of it, leave what they had committed and nothing broken."""
    path = tmp_path / "cache"
    fill(path, [0])
    last = [50, 10**6 + 50]
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_for_ever, args=(path, number - 49), daemon=True) for number in last]
    for writer in writers:
        writer.start()
    end = time.monotonic() + _LONGEST_SECONDS
    while len(found(path, last)) < len(last) and time.monotonic() < end:
        pass
    for writer in writers:
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()

    with ParsedCache.open(path) as cache:
        answer = cache.get_many((blob(number), "python") for number in (0, *last))

    assert cache.trouble is None
    assert len(answer) == 3
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_reading_that_is_remembered_is_the_reading(tmp_path: Path) -> None:
    """For a real source, what is remembered equals what is read."""
    source = Path(__file__).read_bytes()
    parsed = read("python", source)

    with ParsedCache.open(tmp_path / "cache") as cache:
        cache.put(blob(1), "python", flags=NOTHING, parsed=parsed)
    with ParsedCache.open(tmp_path / "cache") as cache:
        answer = cache.get_many([(blob(1), "python")])

    assert answer[blob(1), "python"].parsed == parsed
