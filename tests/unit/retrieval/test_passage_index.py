"""A repository's passages in memory."""

from __future__ import annotations

import numpy as np
import pytest
from passages_made import a_place, a_vector, alike, indexed, stored

from edge_worker.retrieval.index import Index


def test_batches_are_one_index() -> None:
    """What a store gives in batches is numbered through, in its order."""
    one = (a_place("get_auth"), "reads netrc", (1.0, 0.0))
    other = (a_place("retry", path="b.py"), "sleeps", (0.0, 1.0))

    index = Index.of(iter([stored([one]), stored([other])]))

    assert [place.symbol for place in index.places] == ["get_auth", "retry"]
    assert index.texts == ("reads netrc", "sleeps")
    assert index.file_of.tolist() == [0, 1]
    assert index.cosines(a_vector(0.0, 1.0)).tolist() == [0.0, 1.0]


def test_without_passages_there_is_nothing_near() -> None:
    """An index of nothing has no passage, no cosine and next to no size."""
    index = Index.of([])

    assert len(index) == 0
    assert index.cosines(a_vector(1.0, 0.0)).tolist() == []
    assert index.log_lengths.tolist() == []
    assert index.size < 100


def test_its_size_is_that_of_its_vectors_and_words_at_least() -> None:
    """Twice as many passages take about twice the bytes, and no fewer than their vectors and texts."""
    few, many = indexed(*alike(100)), indexed(*alike(200))

    assert few.size > few.vectors.nbytes + sum(map(len, few.texts))
    assert many.size == pytest.approx(2 * few.size, rel=0.1)


def test_lengths_are_of_the_text_alone() -> None:
    """The logarithm of a passage's characters tells long ones from short ones."""
    index = indexed((a_place("f"), "x" * 10, (1.0, 0.0)), (a_place("g"), "x" * 100, (1.0, 0.0)))

    assert np.expm1(index.log_lengths).tolist() == pytest.approx([10, 100])
