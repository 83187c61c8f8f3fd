"""What ``pharos up`` tells of a folder that other commands would not look in."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import pharos.up
from pharos.up import Address
from tests.unit.cli.conftest import Pharos


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack that is up at once, and stopped as soon as it has been shown."""

    def run_up(base: Path, *, show: Callable[[Address], None], **_: object) -> None:
        show(Address(url="http://127.0.0.1:1", page="http://127.0.0.1:1/x", minutes=10, folder=base))

    monkeypatch.setattr(pharos.up, "run_up", run_up)


@pytest.mark.usefixtures("shown")
@pytest.mark.skipif(sys.platform == "win32", reason="another shell")
def test_a_folder_of_ones_own_has_to_be_told(alone: Pharos, tmp_path: Path) -> None:
    """With --folder the command that has a shell tell the others comes first, and it is one that a shell can read."""
    folder = tmp_path / "it's my stack"

    lines = alone("up", "--folder", str(folder)).stdout.splitlines()

    (first,) = [line.split(maxsplit=1)[1] for line in lines if line.split()[:1] == ["First"]]
    assert first == f"export PHAROS_FOLDER={shlex.quote(str(folder))}"
    told = subprocess.run(["sh", "-c", f'{first}; printf %s "$PHAROS_FOLDER"'], capture_output=True, check=True)
    assert told.stdout.decode() == str(folder)


@pytest.mark.usefixtures("shown")
def test_a_folder_that_is_known_is_not_told(alone: Pharos, tmp_path: Path) -> None:
    """Where the other commands look anyway, nothing has to be told: the usual folder, or PHAROS_FOLDER's."""
    usual = str(tmp_path / "stack")

    for arguments in ([], ["--folder", usual]):
        assert "PHAROS_FOLDER" not in alone("up", *arguments).stdout
