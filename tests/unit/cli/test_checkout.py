"""What a checkout says of its changes: what is named, what is cut off, and what must not run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pharos.checkout import Checkout
from shared.errors import InvalidRequest
from tests.unit.cli.conftest import Git, Pharos
from tests.unit.cli.recorded_plane import REPOSITORY_ID, RecordedPlane

BASE = f"/api/v1/repositories/{REPOSITORY_ID}"
NOTHING: dict[str, Any] = {"commit": "c" * 40, "unknown": [], "breaking": [], "affected": [], "truncated": False}

pytestmark = pytest.mark.usefixtures("indexed")


def _asked(recorded: RecordedPlane) -> list[dict[str, str]]:
    changes: list[dict[str, str]] = recorded.asked[-1].body["changes"]
    return changes


@pytest.mark.parametrize("named", ["src/mistyped.py", "../gone.py", "/etc/passwd", "HEAD~7", "maim", "-x"])
def test_what_is_neither_file_nor_commit_is_refused(
    named: str, pharos: Pharos, recorded: RecordedPlane, git: Git
) -> None:
    """A name that neither the disk nor git knows is no file that was removed."""
    result = pharos("impact", "--", named)

    assert result.exit_code == 2
    assert named in result.stderr
    assert recorded.asked == []


@pytest.mark.parametrize("named", ["HEAD~1", "main~1", "before"])
def test_impact_since_a_commit(named: str, pharos: Pharos, recorded: RecordedPlane, git: Git) -> None:
    """One commit, by whatever name, means all that differs from it now: committed, edited and new."""
    git("tag", "before")
    git("mv", "src/a.py", "src/moved.py")
    git("commit", "--quiet", "--message=second")
    Path("new.py").write_text("y = 2\n")
    recorded.play("POST", f"{BASE}/impact", NOTHING)

    pharos("impact", named)

    assert _asked(recorded) == [
        {"path": "src/moved.py", "status": "renamed", "before": "src/a.py"},
        {"path": "new.py", "status": "added"},
    ]


def test_nothing_that_a_checkout_configures_is_run(
    pharos: Pharos, recorded: RecordedPlane, git: Git, tmp_path: Path
) -> None:
    """Neither a watcher nor a filter nor a hook of a downloaded checkout runs when its changes are asked for."""
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch '{tmp_path}/sprung'\ncat\n")
    trap.chmod(0o755)
    Path(".gitattributes").write_text("*.py filter=f diff=f\n")
    for key in ("core.fsmonitor", "filter.f.clean", "diff.f.textconv", "diff.f.command", "diff.external"):
        git("config", key, str(trap))
    hook = Path(".git/hooks/post-index-change")
    hook.write_text(trap.read_text())
    hook.chmod(0o755)
    Path("src/a.py").write_text("x = 2\n" * 9)
    recorded.play("POST", f"{BASE}/impact", NOTHING)

    pharos("impact")

    assert {one["path"] for one in _asked(recorded)} == {"src/a.py", ".gitattributes"}
    assert not (tmp_path / "sprung").exists()


def test_shallow_checkout_of_a_linked_work_tree(
    pharos: Pharos, recorded: RecordedPlane, git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where history was cut off, and where the git folder is elsewhere, what changed is told as well."""
    git("clone", "--quiet", "--depth=1", f"file://{Path.cwd()}", str(tmp_path / "shallow"))
    git("-C", str(tmp_path / "shallow"), "worktree", "add", "--quiet", str(tmp_path / "linked"))
    monkeypatch.chdir(tmp_path / "linked")
    Path("src/a.py").unlink()
    recorded.play("POST", f"{BASE}/impact", NOTHING)

    pharos("impact", "HEAD", "--repository", "acme/api")
    result = pharos("impact", "src/a.py", "--repository", "acme/api")

    assert result.exit_code == 0, result.stderr
    assert [one.body["changes"] for one in recorded.asked if one.body] == [
        [{"path": "src/a.py", "status": "removed"}]
    ] * 2


@pytest.mark.skipif(os.name != "posix", reason="git is put to sleep by a shell script")
def test_git_that_does_not_end_is_told(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A git that hangs ends as a usage error and not as a traceback."""
    sleeper = tmp_path / "bin" / "git"
    sleeper.parent.mkdir()
    sleeper.write_text("#!/bin/sh\nexec sleep 300\n")
    sleeper.chmod(0o755)
    monkeypatch.setenv("PATH", str(sleeper.parent), prepend=os.pathsep)

    with Checkout(Path.cwd(), patience=0.2) as checkout, pytest.raises(InvalidRequest, match="took longer"):
        checkout.uncommitted()


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("git@github.com:acme/api.git", "https://github.com/acme/api.git"),
        ("ssh://git@git.example:22/acme/api", "https://git.example/acme/api"),
        ("ssh://git.example/acme/api", "https://git.example/acme/api"),
        ("https://me:s3cret@git.example:8443/acme/api", "https://git.example:8443/acme/api"),
        ("https://s3cret@git.example/acme/api", "https://git.example/acme/api"),
        ("https://git.example/acme/api", "https://git.example/acme/api"),
    ],
)
def test_origin_is_an_address_without_secrets(url: str, origin: str, git: Git) -> None:
    """Ports and users of ssh are not part of an https address, and passwords are nobody else's business."""
    git("remote", "set-url", "origin", url)

    with Checkout(Path.cwd()) as checkout:
        assert checkout.origin() == origin
