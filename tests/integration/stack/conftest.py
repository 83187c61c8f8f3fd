"""Fixtures of the embedded stack: a folder of one test's own, and parents that can be killed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

CHECKOUT = Path(__file__).resolve().parents[3]

Parent = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that servers under another user can reach (pytest's own are 0700)."""
    place = Path(tempfile.mkdtemp(prefix="pharos-test-"))
    place.chmod(0o711)
    yield place
    shutil.rmtree(place)


@pytest.fixture
def parent() -> Iterator[Parent]:
    """Start Python programs in this checkout, with pipes for their output; what is left is killed at the end."""
    started: list[subprocess.Popen[str]] = []

    def start(program: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", program], cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def gone() -> Callable[[list[int]], bool]:
    """Whether all these processes end within 15 seconds."""

    def check(pids: list[int]) -> bool:
        alive = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
        return not psutil.wait_procs(alive, timeout=15)[1]

    return check
