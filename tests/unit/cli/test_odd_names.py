"""Names out of strangers' repositories on a terminal, in a pipe, and as arguments of another program."""

from __future__ import annotations

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
