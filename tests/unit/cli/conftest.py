"""The command line in this process, with an environment of its own, and a control plane that plays recordings."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pharos.cli.app import app
from tests.unit.cli.recorded_plane import REPOSITORY_ID, RecordedPlane

Pharos = Callable[..., Result]
Git = Callable[..., str]
TOKEN = "a-token-for-people-of-this-test"


@pytest.fixture
def recorded() -> Iterator[RecordedPlane]:
    """A control plane without any recording yet."""
    plane = RecordedPlane()
    yield plane
    plane.close()


@pytest.fixture
def clean_environment(tmp_path: Path) -> dict[str, str | None]:
    """Variables under which nothing of this machine is found: no settings, no configuration, no running stack."""
    cleared: dict[str, str | None] = {name: None for name in os.environ if name.startswith("PHAROS_")}
    return cleared | {
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "PHAROS_FOLDER": str(tmp_path / "stack"),
        "PHAROS_WORK_DIR": str(tmp_path / "work"),
        "PHAROS_LANCEDB_PATH": str(tmp_path / "lancedb"),
        "NO_COLOR": None,
    }


@pytest.fixture
def alone(clean_environment: dict[str, str | None]) -> Pharos:
    """Run ``pharos`` where no control plane is known."""

    def run(*arguments: str, stdin: str | None = None, **environment: str) -> Result:
        return CliRunner().invoke(app, list(arguments), input=stdin, env={**clean_environment, **environment})

    return run


@pytest.fixture
def pharos(alone: Pharos, recorded: RecordedPlane) -> Pharos:
    """Run ``pharos`` against the recorded control plane, signed in."""

    def run(*arguments: str, **given: str) -> Result:
        return alone(*arguments, **{"PHAROS_CONTROL_URL": recorded.url, "PHAROS_ADMIN_TOKEN": TOKEN} | given)

    return run


@pytest.fixture
def indexed(recorded: RecordedPlane) -> None:
    """The recorded plane has one repository."""
    one = {"id": REPOSITORY_ID, "name": "github.com/acme/api", "ref": "v1", "commit": "c" * 40}
    one |= {"files": 3, "edges": 2}
    recorded.play("GET", "/api/v1/repositories", [one])
    recorded.play("GET", f"/api/v1/repositories/{REPOSITORY_ID}", one)


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """Run git in a checkout of two files, which is the current folder."""
    checkout = tmp_path / "checkout"
    (checkout / "src").mkdir(parents=True)
    monkeypatch.chdir(checkout)

    def run(*arguments: str) -> str:
        settings = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", *settings, *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    run("init", "--quiet", "--initial-branch=main")
    run("remote", "add", "origin", "git@github.com:acme/api.git")
    for name in ("src/a.py", "src/ü b.py"):
        (checkout / name).write_text("x = 1\n" * 9)
    run("add", "--all")
    run("commit", "--quiet", "--message=first")
    return run
