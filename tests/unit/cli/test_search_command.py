"""``pharos search``: what is asked, what a pipe gets, and what is said beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from pharos.cli.search import Kind
from shared.nodes import search as words
from tests.unit.cli.conftest import Pharos
from tests.unit.cli.recorded_plane import RecordedPlane

A_HIT = {
    "repository": "github.com/acme/api",
    "path": "src/auth.py",
    "language": "python",
    "kind": "function",
    "symbol": "check_token",
    "start": 10,
    "end": 24,
    "snippet": "def check_token(token):\n\treturn token in KNOWN",
    "snippet_start": 10,
}


def play(recorded: RecordedPlane, *hits: dict[str, Any], **changes: Any) -> None:
    """Record an answer."""
    answer = {"hits": list(hits), "source": "worker", "degraded": None, "notes": [], "repositories": 1}
    recorded.play("POST", "/api/v1/search", answer | changes)


def test_a_pipe_gets_one_line_a_hit(pharos: Pharos, recorded: RecordedPlane) -> None:
    """Place first, as grep and editors have it, then the symbol; a snippet is for a terminal alone."""
    play(recorded, A_HIT, A_HIT | {"path": "README.md", "symbol": "", "kind": "section", "start": 3})

    result = pharos("search", "where is", "a token checked?")

    assert result.stdout.splitlines() == ["src/auth.py:10: check_token", "README.md:3: section"]
    assert (result.exit_code, result.stderr) == (0, "")
    assert recorded.asked[-1].body == {
        "query": "where is a token checked?",
        "repositories": [],
        "path": "",
        "languages": [],
        "kinds": [],
        "limit": 10,
        "group": "none",
    }


def test_a_terminal_shows_the_lines(pharos: Pharos, recorded: RecordedPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a person each hit has its lines with their numbers, and a blank line between."""
    play(recorded, A_HIT, A_HIT | {"snippet": ""})
    monkeypatch.setattr("pharos.cli.search._on_terminal", lambda: True)

    result = pharos("search", "token")

    assert result.stdout.splitlines() == [
        "src/auth.py:10: check_token",
        "     10  def check_token(token):",
        "     11      return token in KNOWN",
        "",
        "src/auth.py:10: check_token",
    ]


def test_of_several_repositories_each_line_names_its_own(pharos: Pharos, recorded: RecordedPlane) -> None:
    """A script sees the same form whichever repository the hits are in."""
    play(recorded, A_HIT, repositories=2)

    assert pharos("search", "token").stdout == "github.com/acme/api:src/auth.py:10: check_token\n"
    assert pharos("search", "token", "--files").stdout == "github.com/acme/api:src/auth.py\n"


def test_files_alone_can_be_handed_on(pharos: Pharos, recorded: RecordedPlane) -> None:
    """--files asks for one hit a file, and a name that looks like an option does not become one."""
    play(recorded, A_HIT, A_HIT | {"path": "-rf"})

    result = pharos("search", "token", "--files")

    assert result.stdout.splitlines() == ["src/auth.py", "./-rf"]
    assert recorded.asked[-1].body["group"] == "file"


def test_every_filter_is_asked(pharos: Pharos, recorded: RecordedPlane, tmp_path: Path) -> None:
    """Repositories by name, address or folder; languages and kinds as often as they are given."""
    play(recorded)
    folder = tmp_path / "checkout"
    folder.mkdir()

    filters = ["--path", "./src/", "--lang", "python", "--lang", "go", "--kind", "class", "--limit", "3"]
    pharos("search", "token", "--repo", "acme/api", "--repo", "https://github.com/Acme/Docs.git", *filters)
    asked = recorded.asked[-1].body
    pharos("search", "token", "--repo", str(folder))

    assert asked["repositories"] == ["acme/api", "github.com/acme/docs"]
    assert (asked["path"], asked["languages"], asked["kinds"], asked["limit"]) == (
        "src/",
        ["python", "go"],
        ["class"],
        3,
    )
    assert recorded.asked[-1].body["repositories"] == [f"local:{folder.as_posix()}"]


def test_what_is_missing_is_one_line_beside_the_hits(pharos: Pharos, recorded: RecordedPlane) -> None:
    """Notes go to standard error, on one line whatever a node is called, so that a pipe gets hits alone."""
    notes = ["den holds this index and sleeps: names only", "at\x1btic\nrm -rf: the model is loading"]
    play(recorded, A_HIT | {"start": 0, "snippet": ""}, source="names", degraded="home_missing", notes=notes)

    result = pharos("search", "token")

    assert result.stdout == "src/auth.py:1: check_token\n"
    assert result.stderr == (
        "pharos: den holds this index and sleeps: names only; at\\x1btic\\nrm -rf: the model is loading.\n"
    )


def test_hostile_names_stay_on_their_line(pharos: Pharos, recorded: RecordedPlane) -> None:
    """Names out of strangers' repositories neither forge a line nor drive a terminal."""
    play(recorded, A_HIT | {"path": "a\nb:1: c\x1b[2J", "symbol": "f\r\n\u202eg"})

    (line,) = pharos("search", "token").stdout.splitlines()

    assert line == "a\\nb:1: c\\x1b[2J:10: f\\r\\n\\u202eg"


def test_json_is_the_whole_answer(pharos: Pharos, recorded: RecordedPlane) -> None:
    """A program gets what the plane said."""
    play(recorded, A_HIT, source="cache")

    assert json.loads(pharos("search", "token", "--json").stdout)["source"] == "cache"


def test_nothing_found_is_said(pharos: Pharos, recorded: RecordedPlane) -> None:
    """Standard output stays empty, and that is no failure."""
    play(recorded)

    result = pharos("search", "token")

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "Nothing was found.\n")


@pytest.mark.parametrize(
    ("status", "code", "expected"), [(404, "NOT_FOUND", 4), (422, "VALIDATION_FAILED", 2), (503, "UNAVAILABLE", 75)]
)
def test_refusals_have_their_exit_codes(
    status: int, code: str, expected: int, pharos: Pharos, recorded: RecordedPlane
) -> None:
    """As with every command: not found, usage, try again."""
    recorded.refuse("POST", "/api/v1/search", status, code, "No. Publish some: pharos submit REPO --content both")

    result = pharos("search", "token")

    assert (result.exit_code, result.stdout) == (expected, "")
    assert result.stderr == "pharos: No. Publish some: pharos submit REPO --content both\n"


def test_kinds_are_those_of_the_line() -> None:
    """The command takes just the kinds that a worker knows."""
    assert [one.value for one in Kind] == list(get_args(words.Kind))
