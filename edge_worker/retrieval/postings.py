"""Words of documents, turned round: which documents have a word and how often, and Okapi BM25 over them.

BM25 is that of Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with the
smoothed inverse document frequency ``log(1 + (N - n + .5) / (n + .5))``, which is never negative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

#: How fast a repeated word saturates, and how much a long document is held against it.
K1 = 1.5
B = 0.75


@dataclass(frozen=True, kw_only=True, eq=False)
class Postings:
    """An inverted index over documents that are numbered from 0."""

    vocabulary: dict[str, int]
    #: ``(words + 1,)``: where each word's documents begin in ``documents`` and ``counts``.
    borders: Ints
    documents: NDArray[np.int32]
    counts: Floats
    #: ``(documents,)``: words of each.
    lengths: Floats

    @classmethod
    def of(cls, texts: Sequence[str]) -> Postings:
        """Return the index of documents whose words are separated by single blanks."""
        codes, vocabulary, numbers = _coded(texts)
        return cls._counted(codes, vocabulary, numbers, np.ones(len(codes), dtype=np.float32), len(texts))

    def grouped(self, groups: Ints, count: int) -> Postings:
        """Return the index of ``count`` larger documents; ``groups`` says which of them each document is part of."""
        codes = np.repeat(np.arange(len(self.borders) - 1, dtype=np.int64), np.diff(self.borders))
        return self._counted(codes, self.vocabulary, groups[self.documents], self.counts, count)

    @classmethod
    def _counted(cls, codes: Ints, vocabulary: dict[str, int], numbers: Ints, weights: Floats, count: int) -> Postings:
        order = np.argsort(codes * max(count, 1) + numbers, kind="stable")
        keys = (codes * max(count, 1) + numbers)[order]
        first = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if len(keys) else np.zeros(0, np.int64)
        counts = np.add.reduceat(weights[order], first) if len(first) else np.zeros(0, np.float32)
        return cls(
            vocabulary=vocabulary,
            borders=np.searchsorted(codes[order][first], np.arange(len(vocabulary) + 1)).astype(np.int64),
            documents=numbers[order][first].astype(np.int32),
            counts=counts.astype(np.float32),
            lengths=np.bincount(numbers, weights=weights, minlength=count).astype(np.float32),
        )

    @property
    def size(self) -> int:
        """Bytes that this takes, but for small change."""
        arrays = (self.borders, self.documents, self.counts, self.lengths)
        return sum(array.nbytes for array in arrays) + 100 * len(self.vocabulary)

    def having(self, word: str) -> int:
        """Return how many documents have a word."""
        return len(self.documents[self._few(word)])

    def scores(self, rarities: Mapping[str, float], average: float) -> Floats:
        """Return each document's BM25, as ``(documents,)``, for the words that ``rarities`` has with their weights.

        ``average`` is how many words a document has, of all that are compared.
        """
        found = np.zeros(len(self.lengths), dtype=np.float32)
        if not average:
            return found
        norms = K1 * (1 - B + B * self.lengths / average)
        for word, rarity in rarities.items():
            few = self._few(word)
            documents, counts = self.documents[few], self.counts[few]
            found[documents] += rarity * counts * (K1 + 1) / (counts + norms[documents])
        return found

    def _few(self, word: str) -> slice:
        number = self.vocabulary.get(word)
        return slice(0, 0) if number is None else slice(int(self.borders[number]), int(self.borders[number + 1]))


def _coded(texts: Sequence[str]) -> tuple[Ints, dict[str, int], Ints]:
    """Return each word's number, the numbers' words, and the document of each word."""
    split = pc.split_pattern(pa.array(texts, pa.large_string()), " ").cast(pa.large_list(pa.large_string()))
    words = split.flatten()
    owners = pc.list_parent_indices(split).to_numpy(zero_copy_only=False).astype(np.int64)
    coded = words.dictionary_encode()
    vocabulary = {word: number for number, word in enumerate(coded.dictionary.to_pylist())}
    codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    empty = vocabulary.get("")
    if empty is None:
        return codes, vocabulary, owners
    there = codes != empty
    return codes[there], vocabulary, owners[there]
