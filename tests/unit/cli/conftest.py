"""The command line in this process, with an environment of its own, and a control plane that plays recordings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pharos.cli.app import app
from tests.unit.cli.recorded_plane import RecordedPlane

Pharos = Callable[..., Result]
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
