"""Which passages are looked at closely, and what is known of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from passages_made import a_place, a_vector, alike, indexed

from edge_worker.retrieval.candidates import FEATURES, MOST, candidates
from shared.nodes.search import Filters

_MIXED = indexed(
    (a_place("retry", path="app/retry.py"), "sleeps before it tries again", (1.0, 0.0)),
    (a_place("Retry", path="web/retry.ts", language="typescript", kind="class"), "tries again later", (0.9, 0.1)),
    (a_place(path="app.md", language="markdown", kind="section"), "how it tries again", (0.0, 1.0)),
)


def test_both_ways_of_looking_bring_candidates() -> None:
    """What only the words find and what only the vector finds are both looked at."""
    said = (a_place("reconnect"), "connect again", (0.0, 1.0))
    meant = [(a_place(f"near{at}"), "something else", (1.0, 0.0)) for at in range(MOST)]
    index = indexed(said, *meant)

    found = candidates([(index, a_vector(1.0, 0.0))], "reconnect", Filters())[0]

    assert found.numbers.tolist() == list(range(MOST + 1))


def test_words_alone_find_nothing_without_a_word() -> None:
    """Without a vector a passage is a candidate only if it has a word of the question, and its nearness is unknown."""
    found = candidates([(_MIXED, None)], "sleeps", Filters())[0]

    assert found.numbers.tolist() == [0]
    assert np.isnan(found.features[:, FEATURES.index("dense")]).all()


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        pytest.param({}, [0, 1, 2], id="none"),
        pytest.param({"path": "app"}, [0, 2], id="path"),
        pytest.param({"path": "app/"}, [0], id="folder"),
        pytest.param({"languages": ("typescript", "markdown")}, [1, 2], id="languages"),
        pytest.param({"kinds": ("function", "class")}, [0, 1], id="kinds"),
        pytest.param({"path": "web", "kinds": ("function",)}, [], id="all at once"),
    ],
)
@pytest.mark.parametrize("vector", [a_vector(1.0, 0.0), None], ids=["vector", "words"])
def test_filters_hold_whatever_finds(filters: dict[str, Any], numbers: list[int], vector: Any) -> None:
    """What does not pass the filters is no candidate, by words or by vector."""
    found = candidates([(_MIXED, vector)], "tries again", Filters(**filters))[0]

    assert found.numbers.tolist() == numbers


def test_filtering_comes_before_choosing() -> None:
    """The best of what passes are found however many better ones do not pass."""
    better = [(a_place(f"f{at}"), "retry retry", (1.0, 0.0)) for at in range(3 * MOST)]
    index = indexed(*better, (a_place("g", path="z.py"), "retry once in a long while", (0.5, 0.5)))

    found = candidates([(index, a_vector(1.0, 0.0))], "retry", Filters(path="z"))[0]

    assert found.numbers.tolist() == [3 * MOST]


def test_of_equals_the_first_are_taken() -> None:
    """Where more are equally good than are looked at, those that stand first are taken, in every run."""
    found = candidates([(indexed(*alike(3 * MOST)), a_vector(1.0, 0.0))], "very same", Filters())[0]

    assert found.numbers.tolist() == list(range(MOST))


def test_features_are_what_their_names_say() -> None:
    """Each column tells the passages apart by its own measure."""
    index = indexed(
        (a_place("retry", path="a.py"), "sleeps", (1.0, 0.0)),
        (a_place("other", path="a.py"), "calls retry and more", (0.0, 1.0)),
        (a_place("last", path="b.py"), "calls retry", (0.6, 0.8)),
    )

    found = candidates([(index, a_vector(1.0, 0.0))], "retry", Filters())[0]
    columns = dict(zip(FEATURES, found.features.T.tolist(), strict=True))

    assert columns["dense"] == pytest.approx([1, 0, 0.6])
    assert columns["symbol"][0] > 0 == columns["symbol"][1] == columns["symbol"][2]
    assert columns["words"][2] > columns["words"][1] > 0
    assert columns["file"][0] == columns["file"][1] > columns["file"][2]
    assert columns["length"] == pytest.approx(index.log_lengths.tolist())


def test_targets_are_measured_alike() -> None:
    """A passage has the same words score in a small repository as its twin has in a large one."""
    twin = (a_place("retry"), "sleeps", (1.0, 0.0))
    small, large = indexed(twin), indexed(twin, *alike(50))

    one, other = candidates([(small, None), (large, None)], "retry", Filters())

    assert one.numbers.tolist() == other.numbers.tolist() == [0]
    columns = [FEATURES.index("words"), FEATURES.index("symbol")]
    assert one.features[0, columns].tolist() == other.features[0, columns].tolist()


def test_the_best_of_all_targets_together_are_taken() -> None:
    """A repository that has nothing to say takes no place from one that has much."""
    far = indexed(*[(a_place(f"far{at}"), "nothing", (0.0, 1.0)) for at in range(MOST)])
    near = indexed(*[(a_place(f"near{at}"), "nothing", (1.0, 0.0)) for at in range(MOST)])

    one, other = candidates([(far, a_vector(1.0, 0.0)), (near, a_vector(1.0, 0.0))], "question", Filters())

    assert (len(one.numbers), len(other.numbers)) == (0, MOST)


@pytest.mark.parametrize("vector", [a_vector(1.0, 0.0), None], ids=["vector", "words"])
def test_nothing_is_found_in_nothing(vector: Any) -> None:
    """An empty index has no candidates, beside a full one or alone, and without an index there are none at all."""
    empty = indexed()

    assert candidates([(empty, vector)], "retry", Filters())[0].numbers.tolist() == []
    assert len(candidates([(empty, vector), (_MIXED, None)], "retry", Filters())[1].numbers) == 2
    assert candidates([], "retry", Filters()) == []
