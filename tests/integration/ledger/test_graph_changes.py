"""What a change touches and breaks, from a real ledger: candidates by what they are worth, and importers counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from graph_world import ID, Publishing, known_graph, reader
from ledger_world import Ledger

from shared.ledger.graph import ChangeFound, Import, Importers, Touched
from shared.ledger.queries import queries
from shared.ledger.records import DEFAULT_TENANT


def _change(ledger: Ledger, *paths: str, **given: Any) -> ChangeFound:
    asked: dict[str, Any] = {"gone": [], "subjects": [], "folders": [], "depth": 3, "limit": 100, "most": 9, **given}
    found = reader(ledger).change(ID, tenant=DEFAULT_TENANT, paths=paths, **asked)
    assert found is not None
    return found


def _touched(ledger: Ledger, *paths: str, **given: Any) -> dict[str, Touched]:
    return {one.path: one for one in _change(ledger, *paths, **given).touched}


def test_change_touches_what_depends_on_it_and_what_is_like_it(ledger: Ledger) -> None:
    """Steps either way, likeness, the same subject and the same folder are told of each file."""
    paths = ["lib/top.py", "lib/user.py", "core/base.py", "tests/test_user.py", "other/far.py", "lib/mate.py"]
    likes = {1: {"similar": ((4, 0.75),)}}
    ledger.published(known_graph(paths, [(0, 1), (1, 2), (3, 0)], files=likes))

    found = _touched(ledger, "lib/user.py", subjects=["user"], folders=["lib"])

    told = {path: (one.backwards, one.forwards, one.likeness) for path, one in found.items()}
    assert told == {
        "lib/user.py": (0, 0, None),
        "lib/top.py": (1, None, None),
        "core/base.py": (None, 1, None),
        "tests/test_user.py": (2, None, None),
        "other/far.py": (None, None, 0.75),
        "lib/mate.py": (None, None, None),
    }


def test_change_of_nothing_known_touches_only_its_surroundings(ledger: Ledger) -> None:
    """An added file has no imports yet; its folder and its subject still say what is near."""
    ledger.published(known_graph(["lib/a.py", "lib/b.py", "tests/test_new.py"], [(0, 1)]))

    found = _touched(ledger, "lib/new.py", subjects=["new"], folders=["lib"])

    assert set(found) == {"lib/a.py", "lib/b.py", "tests/test_new.py"}


def test_importers_of_what_is_gone(ledger: Ledger) -> None:
    """Who imports what is gone is told with the line; who is part of the change is counted, or gone as well."""
    paths = ["a", "b", "gone", "changed", "lost", "free"]
    ledger.published(known_graph(paths, [(0, 2), (1, 2), (0, 1), (3, 2), (4, 2), (3, 4)]))

    found = _change(ledger, "gone", "changed", "lost", "free", "nowhere", gone=["gone", "lost", "free", "nowhere"])

    runtime = {"target": "gone", "kinds": ("runtime",), "confidence": 1.0}
    some = (
        Import(source="a", line=1, **runtime),  # type: ignore[arg-type]
        Import(source="b", line=2, **runtime),  # type: ignore[arg-type]
    )
    assert found.importers == (Importers(path="gone", some=some, count=2, changed=1),)
    assert found.commit == "a" * 40


def test_much_imported_module_hides_no_other(ledger: Ledger) -> None:
    """Of each module that is gone some importers are told and all are counted, however many one of them has."""
    paths = ["a/hub.py", "z/small.py", *(f"m/{number:04}.py" for number in range(5_200))]
    ledger.published(known_graph(paths, [*((number, 0) for number in range(2, 5_202)), (2, 1)]))

    found = _change(ledger, *paths[:2], gone=paths[:2], most=3)

    assert [(one.path, one.count, len(one.some)) for one in found.importers] == [
        ("a/hub.py", 5_200, 3),
        ("z/small.py", 1, 1),
    ]


def test_hub_keeps_its_tests(ledger: Ledger) -> None:
    """Among more importers than are judged, tests have a share of their own, and like names come first."""
    others = [f"core/part_{number:04}.py" for number in range(1_200)]
    tests = [f"tests/case_{number:03}.py" for number in range(399)] + ["tests/test_base.py"]
    paths = ["core/base.py", *others, *tests]
    ledger.published(known_graph(paths, [(number, 0) for number in range(1, len(paths))]))

    found = _change(ledger, "core/base.py", subjects=["base"], limit=300)

    told = {one.path for one in found.touched}
    assert len(told & set(tests)) == 300
    assert "tests/test_base.py" in told
    assert len(told & set(others)) == 300
    assert found.more
    assert not _change(ledger, "core/base.py", limit=2_000).more


@pytest.mark.parametrize("by", ["backwards", "forwards", "subject", "folder"])
def test_candidates_over_the_bound_are_those_that_matter_least(by: str, ledger: Ledger) -> None:
    """Of each sort the bound keeps the worthiest, whatever their number: rich importers, rarely imported targets."""
    paths = [f"lib/part_{number:02}/user.py" if by == "subject" else f"lib/f{number:02}.py" for number in range(40)]
    paths.append("core/changed.py")
    # The last two import two things more than the others do; what is imported has the last two to itself.
    rich = [(number, target) for number in (38, 39) for target in (0, 1)]
    edges = {
        "backwards": [(number, 40) for number in range(40)] + rich,
        "forwards": [(40, number) for number in range(40)] + [(38, number) for number in range(38)],
    }.get(by, rich)
    ledger.published(known_graph(paths, edges))

    found = _change(
        ledger,
        "core/changed.py",
        subjects=["user"] * (by == "subject"),
        folders=["lib"] * (by == "folder"),
        limit=2,
        depth=1,
    )

    assert {one.path for one in found.touched} == {"core/changed.py", *paths[38:40]}
    assert found.more


def test_change_is_judged_by_one_generation(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit that is told is that of the graph which was asked, whatever is published meanwhile."""
    ledger.published(known_graph(["a", "b", "c"], [(1, 0)]))
    after = replace(known_graph(["a", "b", "c"], [(2, 0)]), commit="b" * 40)
    publishing = Publishing(queries("knowledge"), "importers", lambda: ledger.published(after))
    monkeypatch.setattr("shared.ledger.graph._SQL", publishing)

    found = _change(ledger, "a", gone=["a"])

    importer = {"a" * 40: "b", "b" * 40: "c"}[found.commit]
    assert [one.source for broken in found.importers for one in broken.some] == [importer]
    assert [one.path for one in found.touched if one.backwards == 1] == [importer]
