"""One running git: its limits, its deadline, and its end when the worker's process is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from edge_worker.source.process import GitProcess, ProcessLimits

posix = pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX")
#: A git that starts a child which would outlive it, says its number, and waits.
STUBBORN = ("-c", "alias.stubborn=!sleep 600 & echo $!; wait", "stubborn")


def environment(folder: Path) -> dict[str, str]:
    """Return what a git in a folder without a repository sees."""
    return {"HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}


def gone(pid: int) -> bool:
    """Return whether a process ends within a few seconds, or is a zombie that nobody has collected."""
    try:
        process = psutil.Process(pid)
        return process.status() == psutil.STATUS_ZOMBIE or process.wait(5) is None
    except psutil.NoSuchProcess:
        return True


@posix
def test_the_deadline_kills_the_whole_group(tmp_path: Path) -> None:
    """What git started dies with it."""
    limits = ProcessLimits(seconds=1.0, file_bytes=1 << 20)

    with GitProcess(
        STUBBORN, folder=tmp_path, environment=environment(tmp_path), limits=limits, stream=True
    ) as process:
        child = int(process.stdout.readline())
        process.wait()

        assert process.expired
        assert gone(child)


@posix
def test_closing_kills_the_whole_group(tmp_path: Path) -> None:
    """Letting go of a git that still runs leaves nothing behind."""
    limits = ProcessLimits(seconds=60, file_bytes=1 << 20)

    with GitProcess(
        STUBBORN, folder=tmp_path, environment=environment(tmp_path), limits=limits, stream=True
    ) as process:
        child = int(process.stdout.readline())

    assert not process.expired
    assert gone(child)


@posix
def test_git_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    """After a SIGKILL of the parent, neither git nor its children go on."""
    program = textwrap.dedent(
        f"""
        from pathlib import Path
        from edge_worker.source.process import GitProcess, ProcessLimits
        folder = Path({str(tmp_path)!r})
        process = GitProcess({STUBBORN!r}, folder=folder, environment={environment(tmp_path)!r},
                             limits=ProcessLimits(seconds=60, file_bytes=1 << 20), stream=True)
        print(int(process.stdout.readline()), flush=True)
        process.wait()
        """
    )
    root = Path(__file__).parents[3]
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(root)}
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    below = psutil.Process(parent.pid).children(recursive=True)

    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()

    assert len(below) >= 3
    assert gone(child)
    assert all(gone(process.pid) for process in below)


@posix
def test_a_file_above_the_limit_ends_git(tmp_path: Path) -> None:
    """Git cannot write a larger file than it was allowed, and leaves no core file."""
    write = ("-c", "alias.write=!exec head -c 3000000 /dev/zero > large", "write")

    with GitProcess(
        write,
        folder=tmp_path,
        environment=environment(tmp_path),
        limits=ProcessLimits(seconds=20, file_bytes=1_000_000),
    ) as process:
        code = process.wait()

        said = process.errors()

    assert code
    assert "File too large" in said
    assert (tmp_path / "large").stat().st_size == 1_000_000
    assert [path.name for path in tmp_path.iterdir()] == ["large"]


@posix
def test_git_sees_only_what_it_is_meant_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's secrets and settings of git are not in git's environment."""
    for name in ("PHAROS_WORKER_TOKEN", "https_proxy", "GIT_WORK_TREE", "GIT_SSH", "LD_PRELOAD"):
        monkeypatch.setenv(name, "")

    reveal = ("-c", "alias.reveal=!env", "reveal")
    with GitProcess(
        reveal, folder=tmp_path, environment=environment(tmp_path), limits=ProcessLimits(seconds=20, file_bytes=1 << 20)
    ) as process:
        process.wait()
        names = {line.partition("=")[0] for line in process.output().splitlines()}

    assert {"PATH", "HOME", "LC_ALL"} <= names
    assert not names & {"PHAROS_WORKER_TOKEN", "https_proxy", "GIT_WORK_TREE", "GIT_SSH", "LD_PRELOAD"}


def test_a_flood_of_complaints_neither_blocks_git_nor_fills_memory(tmp_path: Path) -> None:
    """Git writes as much as it likes; the end of its complaints and the beginning of its output are kept."""
    flood = (
        "-c",
        "alias.flood=!head -c 3000000 /dev/zero | tr '\\0' x; head -c 3000000 /dev/zero >&2; echo end >&2",
        "flood",
    )

    with GitProcess(
        flood, folder=tmp_path, environment=environment(tmp_path), limits=ProcessLimits(seconds=20, file_bytes=1 << 20)
    ) as process:
        process.wait()

        assert process.output() == "x" * (1 << 20)
        assert process.errors().endswith("end\n")
        assert len(process.errors()) <= 8192
