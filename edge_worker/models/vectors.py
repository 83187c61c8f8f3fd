"""What a model made of each text, kept on this machine: a run that was killed goes on where it was."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge_worker.kept import KeptFile
from edge_worker.models.spec import ModelSpec
from shared.stores.passages import Vectors

#: This program's mark and the version of the rows, as ``vectors.sql`` sets them.
_OURS = 1349015139, 1
_DAY = 86_400
_MOST_BYTES = 2**30
#: As many are asked for in one statement.
_BATCH = 2_000
#: Characters that are embedded between one writing and the next: some seconds on a CPU.
_STEP_CHARACTERS = 100_000
#: So far may a stored vector's length be from 1: another one was damaged on the disk.
_TOLERANCE = 1e-3


class DocumentEmbedder(Protocol):
    """What gives vectors of documents, as ``Embedder`` does."""

    @property
    def spec(self) -> ModelSpec:
        """The model."""

    def documents(self, texts: Sequence[str], *, progress: Callable[[int, int], None]) -> Vectors:
        """Return ``(texts, dimension)``, rows of length 1 in the order given."""


class VectorCache:
    """A context manager. Written by each ``keep``; what nobody asked for longest goes when it is full. Never raises."""

    def __init__(self, path: Path, *, most_bytes: int, today: int) -> None:
        self._file = KeptFile(
            path,
            statements=Path(__file__).with_suffix(".sql"),
            ours=_OURS,
            otherwise="every text is embedded",
        )
        self._most_bytes = most_bytes
        self._today = today
        self._used: set[str] = set()

    @classmethod
    def open(cls, path: Path, *, most_bytes: int = _MOST_BYTES, now: Callable[[], float] = time.time) -> VectorCache:
        """Return the cache in a file, made with the folders above it if it is not there."""
        return cls(path, most_bytes=most_bytes, today=int(now() // _DAY))

    def __enter__(self) -> VectorCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def trouble(self) -> str | None:
        """What went wrong, in a sentence; the cache can be used all the same, and may know nothing."""
        return self._file.trouble

    def find(self, keys: Iterable[str], *, dimension: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Yield each key that is known with its vector."""
        try:
            for key, day, row in self._rows(keys):
                vector = np.frombuffer(row, dtype="<f4")
                if len(vector) == dimension and abs(float(np.linalg.norm(vector)) - 1) < _TOLERANCE:
                    if day < self._today:
                        self._used.add(key)
                    yield key, vector
        except (sqlite3.Error, ValueError, TypeError) as error:
            self._file.give_up(error)

    def keep(self, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Remember vectors by their keys, in one transaction."""
        rows = ((key, self._today, vector.astype("<f4").tobytes()) for key, vector in vectors.items())
        with self._file.writing() as database:
            if database is not None:
                database.executemany(self._file.sql["keep"], rows)
                self._file.make_room(database, self._most_bytes)

    def close(self) -> None:
        """Note what was asked for, once a day each, and let go of the file."""
        if self._used:
            with self._file.writing() as database:
                if database is not None:
                    database.executemany(self._file.sql["use"], ((self._today, key) for key in self._used))
            self._used.clear()
        self._file.close()

    def _rows(self, keys: Iterable[str]) -> Iterator[tuple[str, int, bytes]]:
        asked = iter(keys)
        while self._file.database is not None and (batch := list(islice(asked, _BATCH))):
            yield from self._file.database.execute(self._file.sql["find"], (json.dumps(batch),))


def embedded(
    texts: Sequence[str], embedder: DocumentEmbedder, cache: VectorCache, progress: Callable[[int, int], None]
) -> Vectors:
    """Return ``(texts, dimension)``, rows of length 1 in the order given, from the cache where it has them.

    Equal texts are embedded once. What is new is written in steps, so that what a killed run had reached is known to
    the next. ``progress`` is told how many of all are done; what it raises ends the work.
    """
    spec = embedder.spec
    where: dict[str, list[int]] = {}
    for index, text in enumerate(texts):
        where.setdefault(_key(spec, text), []).append(index)
    vectors = np.zeros((len(texts), spec.dimension), dtype=np.float32)
    missing = dict(where)
    for key, vector in cache.find(where, dimension=spec.dimension):
        vectors[missing.pop(key)] = vector
    done = len(texts) - len(missing)
    progress(done, len(texts))
    # Those of like length together: a step's batches have little padding.
    left = sorted(missing, key=lambda key: -len(texts[missing[key][0]]))
    for step in _steps(left, [len(texts[missing[key][0]]) for key in left]):
        found = embedder.documents(
            [texts[missing[key][0]] for key in step],
            progress=partial(_further, progress, done, len(texts)),
        )
        cache.keep(dict(zip(step, found, strict=True)))
        for key, vector in zip(step, found, strict=True):
            vectors[missing[key]] = vector
        done += len(step)
    return vectors


def _further(progress: Callable[[int, int], None], before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)


def _key(spec: ModelSpec, text: str) -> str:
    content = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{spec.key}{content}"


def _steps(keys: Sequence[str], lengths: Sequence[int]) -> Iterator[Sequence[str]]:
    """Yield the keys in turn, about as many characters at a time; one key at least."""
    start = taken = 0
    for place, length in enumerate(lengths):
        if place > start and taken + length > _STEP_CHARACTERS:
            yield keys[start:place]
            start, taken = place, 0
        taken += length
    if start < len(keys):
        yield keys[start:]
