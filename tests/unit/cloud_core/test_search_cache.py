"""Remembered answers: how many, for how long, and which goes first."""

from __future__ import annotations

import pytest
from search_twins import a_searchable

from cloud_api.services.search.answers import Hit, Kept
from cloud_api.services.search.cache import Cache
from cloud_api.services.search.merging import by_file

API = a_searchable()
#: Somewhat more than an answer of one hit takes.
_WEIGHT = 1_800


def _hit(path: str = "a.py", **changes: object) -> Hit:
    given: dict[str, object] = {
        "repository_id": API.id,
        "repository": API.name,
        "commit": "c" * 40,
        "path": path,
        "language": "python",
        "kind": "function",
        "symbol": "f",
        "start": 1,
        "end": 2,
        "score": 1.0,
        "snippet": "x" * 1_000,
        "snippet_start": 1,
        "by": "worker",
    }
    return Hit.model_validate(given | changes)


def _kept(*hits: Hit) -> Kept:
    return Kept(hits=hits, ranker="linear-1", model=None)


def test_the_longest_unused_goes_first() -> None:
    """Within its bytes everything is remembered; beyond them what was not asked for longest is forgotten."""
    cache = Cache(most=6 * _WEIGHT)
    for key in (b"a", b"b", b"c", b"d", b"e"):
        cache.keep(key, b"1", _kept(_hit()))
    size = cache.size
    used = cache.fresh(b"a", b"1")

    cache.keep(b"f", b"1", _kept(_hit()))
    cache.keep(b"g", b"1", _kept(_hit()))

    assert used == _kept(_hit())
    assert [key for key in b"abcdefg" if cache.fresh(bytes([key]), b"1")] == list(b"acdefg")
    assert 0 < cache.size <= 6 * _WEIGHT
    assert size < cache.size


def test_what_weighs_more_than_all_is_not_remembered() -> None:
    """One answer that is too large drives nothing else out, and what it was to replace is gone."""
    cache = Cache(most=3 * _WEIGHT)
    cache.keep(b"a", b"1", _kept(_hit()))
    cache.keep(b"b", b"1", _kept(_hit()))

    cache.keep(b"b", b"2", _kept(_hit(snippet="x" * 5_000)))

    assert (cache.fresh(b"a", b"1") is not None, cache.fresh(b"b", b"1"), cache.stale(b"b")) == (True, None, None)


def test_an_answer_takes_the_place_of_the_one_before() -> None:
    """A question has one answer, that of its newest generations; the bytes of the other are given back."""
    cache = Cache()
    cache.keep(b"a", b"1", _kept(_hit("long" * 100)))

    cache.keep(b"a", b"2", _kept(_hit("b.py")))

    assert (cache.fresh(b"a", b"1"), cache.fresh(b"a", b"2")) == (None, _kept(_hit("b.py")))
    assert cache.size < 3_000


@pytest.mark.parametrize(("age", "fresh"), [(86_399.0, True), (86_401.0, False)])
def test_an_answer_is_good_for_a_day(age: float, fresh: bool) -> None:
    """A worker may have learned to rank better since; an empty answer is good for a minute, never as a stale one."""
    now = [0.0]
    cache = Cache(clock=lambda: now[0])
    cache.keep(b"a", b"1", _kept(_hit()))
    cache.keep(b"b", b"1", _kept())

    now[0] = age

    assert (cache.fresh(b"a", b"1") is not None, cache.stale(b"a") is not None) == (fresh, fresh)
    assert (cache.fresh(b"b", b"1"), cache.stale(b"b")) == (None, None)


def test_files_are_shown_once_by_their_best_hit() -> None:
    """The order is that of the best hits; the others of a file come with it, also when they are far behind."""
    hits = [_hit("a"), _hit("b"), _hit("a", start=2), _hit("c"), _hit("b", start=2), _hit("b", start=1)]

    grouped = by_file(hits, limit=2)

    assert [(best.path, [other.start for other in others]) for best, others in grouped] == [("a", [2]), ("b", [2, 1])]
