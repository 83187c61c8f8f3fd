"""What is remembered of texts, and what a run that was killed leaves to the next."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from edge_worker.models.spec import ModelSpec
from edge_worker.models.vectors import VectorCache, embedded
from shared.errors import Cancelled
from shared.stores.passages import Vectors

DAY = 86_400.0
#: Long enough that each is a step of its own.
LONG = [f"{number} " * 60_000 for number in range(5)]


class CountingEmbedder:
    """Gives each text a vector made of its hash, and remembers what it was asked."""

    def __init__(self, *, name: str = "counting", die_at: int | None = None) -> None:
        self.asked: list[str] = []
        self._die_at = die_at
        self.spec = ModelSpec(
            name=name,
            revision="1",
            source=Path("/nowhere"),
            dimension=8,
            max_tokens=512,
            query_prompt="",
            document_prompt="",
            dtype="float32",
        )

    def documents(self, texts: Sequence[str], *, progress: Callable[[int, int], None]) -> Vectors:
        """Return the vectors; end this process where it was told to."""
        if self._die_at is not None and len(self.asked) >= self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.asked += texts
        progress(len(texts), len(texts))
        return np.stack([vector_of(text) for text in texts])


def vector_of(text: str) -> Vectors:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8]
    vector = np.frombuffer(digest, dtype=np.uint8).astype(np.float32) + 1
    whole: Vectors = vector / np.linalg.norm(vector)
    return whole


def unheard(done: int, total: int) -> None:
    """Nobody watches."""


def run(
    path: Path, texts: Sequence[str], embedder: CountingEmbedder, *, now: float = 0.0, most_bytes: int = 2**30
) -> tuple[Vectors, str | None]:
    with VectorCache.open(path, now=lambda: now, most_bytes=most_bytes) as cache:
        return embedded(texts, embedder, cache, unheard), cache.trouble


def newly_asked(path: Path, texts: Sequence[str], *, now: float = 0.0) -> set[str]:
    embedder = CountingEmbedder()
    vectors, _ = run(path, texts, embedder, now=now)
    assert np.array_equal(vectors, np.stack([vector_of(text) for text in texts]))
    return set(embedder.asked)


def test_each_text_is_embedded_once(tmp_path: Path) -> None:
    """Equal texts are embedded once, in this run and in later ones, and each has its vector where it stands."""
    texts = ["b", "a", "b", "longer", "a\udc80", ""]
    first = CountingEmbedder()

    vectors, trouble = run(tmp_path / "new" / "cache", texts, first)

    assert trouble is None
    assert np.array_equal(vectors, np.stack([vector_of(text) for text in texts]))
    assert sorted(first.asked) == sorted(set(texts))
    assert newly_asked(tmp_path / "new" / "cache", [*texts, "new"]) == {"new"}


def test_models_share_nothing(tmp_path: Path) -> None:
    """What one model made of a text is nothing to another."""
    run(tmp_path / "cache", ["a"], CountingEmbedder(name="one"))
    other = CountingEmbedder(name="two")

    run(tmp_path / "cache", ["a"], other)

    assert other.asked == ["a"]


def test_progress_counts_what_was_known(tmp_path: Path) -> None:
    """How many are done begins with what the cache has and rises to all."""
    run(tmp_path / "cache", LONG[:2], CountingEmbedder())
    said: list[tuple[int, int]] = []

    with VectorCache.open(tmp_path / "cache") as cache:
        embedded(LONG, CountingEmbedder(), cache, lambda done, total: said.append((done, total)))

    assert said == [(2, 5), (3, 5), (4, 5), (5, 5)]


def test_cancelled_run_keeps_what_it_wrote(tmp_path: Path) -> None:
    """A cancel loses the step that it ends, and nothing before."""

    def cancel(done: int, total: int) -> None:
        if done == 4:
            raise Cancelled("cancel_requested", "Cancelled on request.")

    with VectorCache.open(tmp_path / "cache") as cache, pytest.raises(Cancelled):
        embedded(LONG, CountingEmbedder(), cache, cancel)

    assert len(newly_asked(tmp_path / "cache", LONG)) == 2


def _killed(path: Path) -> None:
    run(path, LONG, CountingEmbedder(die_at=3))


def test_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    """What was embedded before the process was killed is not embedded again."""
    process = multiprocessing.get_context("spawn").Process(target=_killed, args=(tmp_path / "cache",))
    process.start()
    process.join()

    assert process.exitcode == -signal.SIGKILL
    assert len(newly_asked(tmp_path / "cache", LONG)) == 2


def _write_many(path: Path, first: int) -> None:
    for number in range(first, first + 40):
        run(path, [f"text {number}"], CountingEmbedder())


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    """Each process finds what the others wrote, and none is lost."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(tmp_path / "cache", first)) for first in (0, 20, 1000)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    texts = [f"text {number}" for number in (*range(60), *range(1000, 1040))]
    assert newly_asked(tmp_path / "cache", texts) == set()


def test_oldest_use_goes_first(tmp_path: Path) -> None:
    """A full cache drops what nobody asked for longest and stays within its bytes."""
    path = tmp_path / "cache"
    texts = [f"text {number}" for number in range(2000)]
    run(path, texts[:1000], CountingEmbedder(), now=0)
    run(path, texts[1000:], CountingEmbedder(), now=DAY)
    assert newly_asked(path, texts[:500], now=2 * DAY) == set()
    full = path.stat().st_size

    run(path, ["new"], CountingEmbedder(), now=3 * DAY, most_bytes=full // 2)

    assert newly_asked(path, ["new", *texts[:500]], now=3 * DAY) == set()
    assert path.stat().st_size <= full
    assert newly_asked(path, texts[500:1000], now=3 * DAY) == set(texts[500:1000])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"no database at all" * 1000),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        lambda path: path.write_bytes(path.read_bytes()[:4096] + bytes(path.stat().st_size - 4096)),
    ],
    ids=["text", "cut", "zeros"],
)
def test_spoilt_file_is_made_anew(tmp_path: Path, spoil: Callable[[Path], int]) -> None:
    """A damaged file costs what it held, is said and put aside, and a new one is made."""
    path, texts = tmp_path / "cache", [f"text {number}" for number in range(300)]
    run(path, texts, CountingEmbedder())
    spoil(path)
    embedder = CountingEmbedder()

    _, trouble = run(path, texts, embedder)

    assert (trouble is not None, set(embedder.asked)) == (True, set(texts))
    assert (tmp_path / "cache.bad").exists()
    assert newly_asked(path, texts) == set()


def test_vector_that_was_damaged_is_not_believed(tmp_path: Path) -> None:
    """A vector whose length is not 1 any more, or that has another dimension, is made again."""
    path = tmp_path / "cache"
    run(path, ["a", "b", "c"], CountingEmbedder())
    keys = {text: f"{CountingEmbedder().spec.key}{hashlib.sha256(text.encode()).hexdigest()}" for text in "ab"}
    with sqlite3.connect(path) as database:
        database.execute("UPDATE vectors SET vector = zeroblob(32) WHERE key = ?", (keys["a"],))
        database.execute("UPDATE vectors SET vector = substr(vector, 1, 16) WHERE key = ?", (keys["b"],))

    assert newly_asked(path, ["a", "b", "c"]) == {"a", "b"}
    assert newly_asked(path, ["a", "b", "c"]) == set()


def test_place_that_cannot_be_used_costs_nothing_but_time(tmp_path: Path) -> None:
    """Where no file can be, every text is embedded, and that is said."""
    (tmp_path / "file").touch()
    embedder = CountingEmbedder()

    vectors, trouble = run(tmp_path / "file" / "cache", ["a", "b"], embedder)

    assert trouble is not None
    assert "every text is embedded" in trouble
    assert np.array_equal(vectors, np.stack([vector_of("a"), vector_of("b")]))
