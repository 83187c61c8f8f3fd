"""Scratch space: what dead workers left is swept away, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_worker.scratch import claim_scratch

NAME = "den.0123456789ab"


def _folder(base: Path, name: str) -> Path:
    folder = base / name
    folder.mkdir(parents=True)
    (folder / "source").write_text("somebody's source")
    return folder


@pytest.fixture
def dead() -> int:
    """The number of a process that is no more."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_a_worker_has_a_folder_of_its_own(tmp_path: Path) -> None:
    """The folder is new, empty, and closed to other users."""
    own = claim_scratch(tmp_path / "deep" / "work", NAME)

    assert own.name == f"{os.getpid()}@{NAME}"
    assert list(own.iterdir()) == []
    assert os.name != "posix" or own.stat().st_mode & 0o777 == 0o700


def test_what_a_dead_worker_left_goes(tmp_path: Path, dead: int) -> None:
    """The folder of a process that was killed is deleted with all that is in it."""
    left = _folder(tmp_path, f"{dead}@den.aaaaaaaaaaaa")

    claim_scratch(tmp_path, NAME)

    assert not left.exists()


def test_what_a_worker_with_the_same_number_left_goes(tmp_path: Path) -> None:
    """In a container every worker is process 1: the folder of the one before is not taken for a live one's."""
    left = _folder(tmp_path, f"{os.getpid()}@den.aaaaaaaaaaaa")

    own = claim_scratch(tmp_path, NAME)

    assert not left.exists()
    assert own.exists()


def test_what_a_live_worker_has_stays(tmp_path: Path) -> None:
    """Another worker of this machine keeps its folder."""
    other = _folder(tmp_path, f"{os.getppid()}@den.aaaaaaaaaaaa")

    claim_scratch(tmp_path, NAME)

    assert (other / "source").exists()


@pytest.mark.parametrize("name", ["notes", "notes@home", "{dead}", "²@den", "9" * 40 + "@den", "-1@den", "{dead}x@den"])
def test_what_is_not_ours_stays(tmp_path: Path, dead: int, name: str) -> None:
    """A folder that no worker made is left alone, whatever its name looks like."""
    foreign = _folder(tmp_path, name.format(dead=dead))

    claim_scratch(tmp_path, NAME)

    assert (foreign / "source").exists()


def test_a_file_stays(tmp_path: Path, dead: int) -> None:
    """A file is nobody's scratch space."""
    file = tmp_path / f"{dead}@den.aaaaaaaaaaaa"
    file.write_text("a file")

    claim_scratch(tmp_path, NAME)

    assert file.exists()
