"""The order of what a change touches, and whole ways out of single imports: pure functions."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_api.services.ranking import Names, rank
from cloud_api.services.ways import few_ways
from shared.ledger.graph import Import, Touched

NOTHING = Touched(
    path="lib/zzz/unlike.py", language="python", importers=0, imports=0, backwards=None, forwards=None, likeness=None
)


def _file(path: str = NOTHING.path, **changes: Any) -> Touched:
    return replace(NOTHING, path=path, **changes)


def _order(*files: Touched, changed: tuple[str, ...] = ("src/core/engine.py",), limit: int = 20) -> list[str]:
    return [one.path for one in rank(changed, files, limit=limit)]


@pytest.mark.parametrize(
    ("sign", "unlike"),
    [
        (_file("a/a.py", backwards=1), _file("a/b.py", backwards=2)),
        (_file("a/a.py", backwards=2), _file("a/b.py", backwards=3)),
        (_file("a/a.py", backwards=3), _file("a/b.py")),
        (_file("a/a.py", forwards=1), _file("a/b.py", forwards=2)),
        (_file("a/a.py", forwards=1, importers=1), _file("a/b.py", forwards=1, importers=900)),
        (_file("a/a.py", likeness=0.9), _file("a/b.py", likeness=0.1)),
        (_file("a/a.py", imports=30), _file("a/b.py", imports=2)),
        (_file("b/engine.py"), _file("b/cargo.py")),
        (_file("src/core/cargo.py"), _file("src/edge/cargo.py")),
        (_file("lib/engines.py"), _file("lib/other.py")),
    ],
    ids=["direct", "two", "three", "imported", "rare", "alike", "large", "name", "folder", "plural"],
)
def test_each_sign_counts(sign: Touched, unlike: Touched) -> None:
    """Of two files that differ in one sign, the one that has more of it comes first."""
    assert _order(unlike, sign) == [sign.path, unlike.path]


def test_tests_come_first_among_the_best() -> None:
    """Tests stand in front, each part by score; but no test gets in that is not among the best."""
    near, far = _file("src/near.py", backwards=1), _file("src/far.py", backwards=3)
    test, weak = _file("tests/test_engine.py", backwards=2), _file("tests/test_other.py")

    assert _order(near, far, test, weak, limit=3) == ["tests/test_engine.py", "src/near.py", "src/far.py"]
    assert _order(near, test, limit=1) == ["src/near.py"]


def test_changed_files_are_no_answer() -> None:
    """What was changed is known already."""
    assert _order(_file("src/core/engine.py", backwards=0, forwards=0), _file("b.py")) == ["b.py"]


def test_reasons_are_told_strongest_first() -> None:
    """A direct importer with a like name in the same folder says all three; no file is told of without a reason."""
    others = [_file("x/far.py", forwards=2), _file("y/Engines.spec.ts")]
    found = rank(["src/core/engine.py"], [_file("src/core/engine_user.py", backwards=1), *others], limit=9)

    assert {one.path: one.reasons for one in found} == {
        "src/core/engine_user.py": ("imports a changed file", "has a like name", "is in the same folder"),
        "x/far.py": ("is imported by what a changed file imports",),
        "y/Engines.spec.ts": ("has a like name",),
    }
    assert [(one.distance, one.test) for one in found] == [(None, True), (1, False), (None, False)]


def test_distance_is_told_in_words() -> None:
    """From two steps on the reason has the number of imports."""
    (found,) = rank(["a.py"], [_file(backwards=3)], limit=9)

    assert found.reasons == ("depends on a changed file, 3 imports away",)


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            lambda name, back, fore, alike, counts: _file(
                f"src/{name}.py", backwards=back, forwards=fore, likeness=alike, importers=counts, imports=counts
            ),
            st.text("abcdef_/", min_size=1, max_size=12),
            st.none() | st.integers(1, 10),
            st.none() | st.integers(1, 2),
            st.none() | st.floats(-1, 1),
            st.integers(0, 5000),
        ),
        max_size=12,
        unique_by=lambda file: file.path,
    ),
    st.randoms(),
)
def test_order_depends_on_the_files_alone(files: list[Touched], chance: Any) -> None:
    """Whatever order the ledger gives them in, the answer is the same, whole, and has a score for each."""
    shuffled = list(files)
    chance.shuffle(shuffled)

    found = rank(["src/a.py", "src/b/c.py"], files, limit=100)

    assert found == rank(["src/a.py", "src/b/c.py"], shuffled, limit=100)
    assert {one.path for one in found} == {file.path for file in files} - {"src/a.py", "src/b/c.py"}
    assert all(one.score == one.score for one in found)


def test_rare_words_tie_names_closer_than_common_ones() -> None:
    """A word that every candidate has says little; one that only two files share says much."""
    candidates = [_file(f"pkg/module_{number}.py") for number in range(50)] + [_file("other/zebra.py")]
    names = Names(["pkg/zebra_module.py"], candidates)

    assert names.likeness("other/zebra.py") > 5 * names.likeness("pkg/module_1.py")
    assert 0 <= names.likeness("pkg/module_1.py") < names.likeness("other/zebra.py") <= 1


def test_names_of_a_huge_change_stay_cheap() -> None:
    """Thousands of changed files and candidates are ranked, by fifty of the names."""
    changed = [f"src/part_{number}/file_{number}.py" for number in range(5000)]

    found = rank(changed, [_file(f"lib/thing_{number}.py") for number in range(2000)], limit=50)

    assert len(found) == 50


def _step(source: str, target: str, *, kinds: tuple[str, ...] = ("runtime",), confidence: float = 1.0) -> Import:
    return Import(source=source, target=target, kinds=kinds, line=1, confidence=confidence)


def _targets(way: tuple[Import, ...]) -> str:
    return "".join([way[0].source, *(step.target for step in way)])


def test_ways_that_run_and_are_certain_come_first() -> None:
    """Of equally long ways one that is gone at run time comes last, and a guess behind what is certain."""
    edges = [
        (1, _step("a", "b", kinds=("type-only",))),
        (1, _step("a", "c", confidence=0.5)),
        (1, _step("a", "d")),
        *((2, _step(middle, "z")) for middle in "bcd"),
    ]

    found = few_ways(edges, source="a", target="z", limit=9)

    assert [_targets(way) for way in found] == ["adz", "acz", "abz"]
    assert [_targets(way) for way in few_ways(edges, source="a", target="z", limit=1)] == ["adz"]


def test_no_edges_no_ways() -> None:
    """Where nothing leads there is no way, not an empty one."""
    assert few_ways([], source="a", target="z", limit=9) == []


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 30))
def test_ways_are_whole_and_different(steps: int, width: int, limit: int) -> None:
    """Through any number of layers each way leads from end to end, and none is told twice."""
    layers = [["start"], *([f"{step}-{place}" for place in range(width)] for step in range(1, steps)), ["end"]]
    edges = [
        (step, _step(one, other))
        for step, (near, far) in enumerate(pairwise(layers), 1)
        for one in near
        for other in far
    ]

    found = few_ways(edges, source="start", target="end", limit=limit)

    assert len(set(found)) == len(found) == min(limit, width ** (steps - 1))
    for way in found:
        assert (way[0].source, way[-1].target, len(way)) == ("start", "end", steps)
        assert all(one.target == other.source for one, other in pairwise(way))
