"""BM25 over words turned round, beside the same sum written out."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_worker.retrieval.postings import K1, B, Postings
from edge_worker.retrieval.rarity import Rarity

_WORD = st.sampled_from(["get", "url", "auth", "parser", "größe", "網"])
_DOCUMENTS = st.lists(st.lists(_WORD, max_size=12), max_size=8)
_ASKED = st.lists(_WORD, max_size=5)


def _bm25(documents: list[list[str]], asked: list[str]) -> list[float]:
    """Okapi BM25 as the formula is printed."""
    count = len(documents)
    average = sum(map(len, documents)) / count if count else 0.0

    def score(document: list[str]) -> float:
        found = 0.0
        for word in set(asked):
            having = sum(word in other for other in documents)
            often = Counter(document)[word]
            if often:
                rarity = math.log(1 + (count - having + 0.5) / (having + 0.5))
                found += rarity * often * (K1 + 1) / (often + K1 * (1 - B + B * len(document) / average))
        return found

    return [score(document) for document in documents]


def _postings(documents: list[list[str]]) -> Postings:
    return Postings.of([" ".join(document) for document in documents])


def _scores(asked: list[str], *several: Postings) -> list[float]:
    rarity = Rarity.among(several, asked)
    return [score for postings in several for score in postings.scores(rarity.weights, rarity.average).tolist()]


@given(_DOCUMENTS, _ASKED)
def test_scores_are_those_of_the_formula(documents: list[list[str]], asked: list[str]) -> None:
    """Every document has the score that the sum written out gives it."""
    assert _scores(asked, _postings(documents)) == pytest.approx(_bm25(documents, asked), rel=1e-5)


@given(_DOCUMENTS, _DOCUMENTS, _ASKED)
def test_two_indexes_score_as_one(one: list[list[str]], other: list[list[str]], asked: list[str]) -> None:
    """A document has the same score whether it lies beside the others or in an index of its own."""
    assert _scores(asked, _postings(one), _postings(other)) == pytest.approx(_bm25(one + other, asked), rel=1e-5)


@given(_DOCUMENTS, _ASKED, st.data())
def test_a_group_is_the_document_that_its_parts_make(
    documents: list[list[str]], asked: list[str], data: st.DataObject
) -> None:
    """Grouped documents score as if each group had been written as one."""
    groups = data.draw(st.lists(st.integers(0, 3), min_size=len(documents), max_size=len(documents)))
    pairs = list(zip(documents, groups, strict=True))
    joined = [[word for document, of in pairs if of == at for word in document] for at in range(4)]

    grouped = _postings(documents).grouped(np.array(groups, np.int64), 4)

    assert _scores(asked, grouped) == pytest.approx(_bm25(joined, asked), rel=1e-5)


def test_a_word_asked_twice_counts_once() -> None:
    """Who repeats a word asks for the same."""
    postings = Postings.of(["retry later", "later"])

    assert _scores(["retry", "retry"], postings) == _scores(["retry"], postings) != [0.0, 0.0]


def test_a_word_that_is_everywhere_never_speaks_against_a_document() -> None:
    """No score is negative, however common the word."""
    assert min(_scores(["self"], Postings.of(["self", "self", "self other"]))) > 0


@pytest.mark.parametrize("texts", [[], [""], ["", ""]], ids=["none", "one empty", "two empty"])
def test_without_words_nothing_scores(texts: list[str]) -> None:
    """An index without a word gives each document 0."""
    assert _scores(["word"], Postings.of(texts)) == [0.0] * len(texts)


def test_its_size_grows_with_what_it_holds() -> None:
    """The bytes it says are at least those of its arrays, and more words are more of them."""
    few, many = Postings.of(["a1 b2"] * 10), Postings.of([f"a{number} b{number}" for number in range(10)])

    assert many.size > few.size > few.documents.nbytes + few.counts.nbytes
