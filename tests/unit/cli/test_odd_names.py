"""Names out of strangers' repositories on a terminal, in a pipe, and as arguments of another program."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.unit.cli.conftest import Git, Pharos
from tests.unit.cli.recorded_plane import REPOSITORY_ID, RecordedPlane

BASE = f"/api/v1/repositories/{REPOSITORY_ID}"
AN_IMPORT = {"source": "a.py", "target": "b.py", "kinds": ["nested", "runtime"], "line": 3, "confidence": 0.9}
NOTHING: dict[str, Any] = {"commit": "c" * 40, "unknown": [], "breaking": [], "affected": [], "truncated": False}

pytestmark = pytest.mark.usefixtures("indexed")


_NASTY = ["tests/test_a\n--rootdir=/evil\tx.py", "--rootdir=x.py", "@args.py", "\x1b]0;owned\x07.py", "caf\\xe9.py"]
_TAME = [
    "tests/test_a\\n--rootdir=/evil\\tx.py",
    "./--rootdir=x.py",
    "./@args.py",
    "./\\x1b]0;owned\\x07.py",
    "caf\\xe9.py",
]


@pytest.mark.parametrize("command", ["orphans", "communities --files 1", "impact --tests src/a.py"])
def test_names_forge_neither_lines_nor_options(command: str, pharos: Pharos, recorded: RecordedPlane, git: Git) -> None:
    """Each name is one line, whatever is in it, and none is an option to who gets it as an argument."""
    files = [{"path": path, "test": True} for path in _NASTY]
    recorded.play("GET", f"{BASE}/orphans", files)
    recorded.play("GET", f"{BASE}/communities/1/files", files)
    recorded.play("POST", f"{BASE}/impact", {**NOTHING, "affected": files})
    name, *more = command.split()

    result = pharos(name, *([] if name == "impact" else ["acme/api"]), *more)

    assert result.stdout.splitlines() == _TAME


def test_names_within_a_line_keep_to_it(pharos: Pharos, recorded: RecordedPlane, git: Git) -> None:
    """What is told around a name cannot be forged by it, on standard error neither."""
    nasty = {**AN_IMPORT, "source": _NASTY[0], "target": _NASTY[3]}
    one = {"path": _NASTY[0], "test": False, "score": 1.0, "distance": 1, "reasons": [f"imports {_NASTY[0]}"]}
    broken = {"path": _NASTY[0], "status": "renamed", "now": _NASTY[3], "importers": [nasty], "importer_count": 1}
    recorded.play("GET", f"{BASE}/paths", [{"steps": [nasty]}])
    recorded.play("GET", f"{BASE}/unresolved", [{"path": _NASTY[0], "line": 1, "module": "a\nb"}])
    found = {**NOTHING, "unknown": [_NASTY[0]], "affected": [one], "breaking": [broken]}
    recorded.play("POST", f"{BASE}/impact", found)

    told = [pharos("why", "acme/api", "a", "b"), pharos("unresolved", "acme/api"), pharos("impact", "src/a.py")]

    assert [len(one.stdout.splitlines()) for one in told] == [2, 1, 4]
    assert len(told[2].stderr.splitlines()) == 1
    assert not any("\x1b" in one.output for one in told)


_NO_UTF8 = os.fsdecode(b"caf\xe9.py")


@pytest.mark.parametrize(
    "arguments",
    [
        ("similar", "acme/api", _NO_UTF8),
        ("dependents", "acme/api", _NO_UTF8),
        ("why", "acme/api", "a.py", _NO_UTF8),
        ("submit", _NO_UTF8),
        ("submit", "acme/api", "--ref", _NO_UTF8),
        ("jobs", "show", _NO_UTF8),
        ("workers", "show", _NO_UTF8),
        ("workers", "pause", "den", "--note", _NO_UTF8),
    ],
    ids=lambda arguments: " ".join(word for word in arguments if word.isascii()),
)
def test_arguments_that_are_not_utf8_are_refused(
    arguments: tuple[str, ...], pharos: Pharos, recorded: RecordedPlane
) -> None:
    """Bytes that no request can carry are named, nothing is sent, and the exit code is that of wrong arguments."""
    result = pharos(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("pharos: 'caf\\xe9.py' is not UTF-8, and a request can carry nothing else.")
    assert [asked.method for asked in recorded.asked if asked.path != "/api/v1/repositories"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("similar", "acme/api", "{}"),
        ("dependents", "acme/api", "{}"),
        ("why", "acme/api", "a.py", "{}"),
        ("similar", "acme/{}", "a.py"),
        ("impact", "{}"),
        ("demo", "./{}"),
        ("jobs", "--state", "{}"),
        ("{}",),
        ("--{}",),
    ],
    ids=" ".join,
)
def test_ones_own_arguments_are_told_on_their_line(
    arguments: tuple[str, ...], pharos: Pharos, recorded: RecordedPlane, git: Git
) -> None:
    """What one has written oneself neither drives the terminal nor looks like another line, wherever it comes back."""
    odd = "a\npharos: all is well\x1b]0;owned\x07"
    recorded.play("GET", f"{BASE}/similar", {"file": {"path": "a", "flags": []}, "similar": [], "unlike": "isolated"})
    recorded.play("GET", f"{BASE}/dependents", [])
    recorded.play("GET", f"{BASE}/paths", [])

    result = pharos(*(argument.format(odd) for argument in arguments))

    assert "owned" in result.stderr
    assert not any(line.startswith("pharos: all is well") for line in result.stderr.splitlines())
    assert not {"\x1b", "\x07", "\x00"} & set(result.output)
