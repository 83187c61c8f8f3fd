"""The passages of one repository's published text, ready to be searched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edge_worker.retrieval.postings import Floats, Ints, Postings
from edge_worker.retrieval.spans import Spans, spans_of
from shared.stores.passages import Place, Stored, Vectors
from shared.words import words

#: Bytes that Python takes for what belongs to one passage, beside its text.
OBJECTS = 600


@dataclass(frozen=True, kw_only=True, eq=False)
class Index:
    """All passages that one generation sees, numbered from 0 in the order in which the store gave them."""

    places: tuple[Place, ...]
    texts: tuple[str, ...]
    #: First and last line of the whole symbol that each is a piece of.
    spans: Spans
    #: ``(passages, dimension)``, rows of length 1.
    vectors: Vectors
    passages: Postings
    symbols: Postings
    #: Each file as one document, and the file that each passage is part of.
    files: Postings
    file_of: Ints

    @classmethod
    def of(cls, batches: Iterable[Stored]) -> Index:
        """Return the index of what a store holds."""
        places, texts, said, parts = list[Place](), list[str](), list[str](), list[Vectors]()
        for batch in batches:
            places += batch.places
            texts += batch.texts
            said += batch.words
            parts.append(batch.vectors)
        postings = Postings.of(said)
        numbers: dict[str, int] = {}
        file_of = np.array([numbers.setdefault(place.path, len(numbers)) for place in places], dtype=np.int64)
        return cls(
            places=tuple(places),
            texts=tuple(texts),
            spans=spans_of(places),
            vectors=_stacked(parts),
            passages=postings,
            symbols=Postings.of([" ".join(words(place.symbol)) for place in places]),
            files=postings.grouped(file_of, len(numbers)),
            file_of=file_of,
        )

    def __len__(self) -> int:
        return len(self.places)

    @cached_property
    def size(self) -> int:
        """Bytes that this takes, nearly."""
        text = sum(len(text) for text in self.texts)
        postings = self.passages.size + self.symbols.size + self.files.size
        return self.vectors.nbytes + self.spans.nbytes + postings + text + OBJECTS * len(self)

    @cached_property
    def log_lengths(self) -> Floats:
        """The logarithm of each passage's characters, as ``(passages,)``."""
        return np.log1p(np.fromiter((len(text) for text in self.texts), dtype=np.float32, count=len(self)))

    @cached_property
    def heads(self) -> Ints:
        """The first passage of each file, as ``(files,)``."""
        return np.unique(self.file_of, return_index=True)[1]

    @cached_property
    def kinds(self) -> NDArray[np.str_]:
        """The kind of each passage, as ``(passages,)``."""
        return np.array([place.kind for place in self.places], dtype=np.str_)

    def cosines(self, vector: NDArray[np.float32]) -> Floats:
        """Return the cosine of each passage with a vector of length 1, as ``(passages,)``."""
        # One without a passage does not know how long its vectors would be.
        found: Floats = self.vectors @ vector if len(self) else np.zeros(0, dtype=np.float32)
        return found


def _stacked(parts: list[Vectors]) -> Vectors:
    """Return all rows as one matrix, and let go of each part when it is copied: never is everything there twice."""
    whole = np.empty((sum(map(len, parts)), parts[0].shape[1] if parts else 0), dtype=np.float32)
    at = 0
    parts.reverse()
    while parts:
        part = parts.pop()
        whole[at : at + len(part)] = part
        at += len(part)
    return whole
