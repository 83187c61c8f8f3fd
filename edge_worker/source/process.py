"""One running git: started by GitPython, ended with all its children whatever happens."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

import git

_GUARD = Path(__file__).with_name("guard.py")
_KEEP = 1 << 20
_TAIL = 1 << 13
_GIB = 1 << 30


@dataclass(frozen=True, kw_only=True)
class ProcessLimits:
    """What one git may use: ``seconds`` of wall time until it is killed, and bytes in one file."""

    seconds: float
    file_bytes: int


class GitProcess:
    """A git command under way.

    Its whole process group dies at the latest when ``seconds`` are over, when it is closed, and when this process
    dies. (GitPython's own ``kill_after_timeout`` leaves the children of git alive.)
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        limits: ProcessLimits,
        stream: bool = False,
    ) -> None:
        """Start git in ``folder``; with ``stream`` its standard input and output are for the caller to use."""
        self.expired = False
        self._handle = git.Git(folder).execute(
            [*_guarded(limits), "git", *arguments],
            istream=subprocess.PIPE if stream else None,
            as_process=True,
            env=environment,
            start_new_session=sys.platform != "win32",
        )
        process = self._handle.proc
        if process is None:
            raise RuntimeError("GitPython started no process")
        self._process: subprocess.Popen[bytes] = process
        self._timer = threading.Timer(limits.seconds, self._expire)
        self._timer.daemon = True
        self._timer.start()
        self._errors = _Drain(_pipe(process.stderr), keep_last=_TAIL)
        self._output = None if stream else _Drain(_pipe(process.stdout), keep_first=_KEEP)

    @property
    def stdin(self) -> IO[bytes]:
        """Where a streaming git reads from."""
        return _pipe(self._process.stdin)

    @property
    def stdout(self) -> IO[bytes]:
        """What a streaming git writes."""
        return _pipe(self._process.stdout)

    def wait(self, seconds: float | None = None) -> int | None:
        """Return the exit code, or None when git still runs after so many seconds."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def output(self) -> str:
        """Return the first MiB of what an ended git wrote."""
        return self._output.text() if self._output else ""

    def errors(self) -> str:
        """Return the end of what an ended git complained about."""
        return self._errors.text()

    def close(self) -> None:
        """Kill whatever still runs of it, and let go of its pipes."""
        self._timer.cancel()
        self._kill()
        self._process.wait()
        self._errors.finish()
        if self._output:
            self._output.finish()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                with contextlib.suppress(BrokenPipeError):  # unsent input of a git that is gone
                    pipe.close()

    def __enter__(self) -> GitProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _expire(self) -> None:
        self.expired = True
        self._kill()

    def _kill(self) -> None:
        if sys.platform == "win32":
            _kill_tree(self._process.pid)
            return
        # Also after the head of the group has ended: its children may not have.
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says EPERM for a group of zombies
            os.killpg(self._process.pid, signal.SIGKILL)


class _Drain:
    """Reads a pipe to its end so that git never blocks on it, and keeps a bounded part."""

    def __init__(self, pipe: IO[bytes], *, keep_first: int = 0, keep_last: int = 0) -> None:
        self._pipe = pipe
        self._first = keep_first
        self._last = keep_last
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def text(self) -> str:
        self.finish()
        return self._kept.decode("utf-8", "replace")

    def finish(self) -> None:
        self._thread.join(timeout=2.0)

    def _read(self) -> None:
        while chunk := os.read(self._pipe.fileno(), 1 << 16):
            if self._last:
                self._kept += chunk
                del self._kept[: -self._last]
            else:
                self._kept += chunk[: self._first - len(self._kept)]


def _guarded(limits: ProcessLimits) -> list[str]:
    if sys.platform == "win32":
        return []
    # pack.threads=2: two cores for the whole time are the most that git can use.
    cpu, memory = int(2 * limits.seconds) + 10, limits.file_bytes + 4 * _GIB
    figures = (os.getpid(), limits.file_bytes, cpu, memory)
    return [sys.executable, "-I", "-S", str(_GUARD), *map(str, figures)]


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise RuntimeError("this git was started without that pipe")
    return pipe


if sys.platform == "win32":

    def _kill_tree(pid: int) -> None:
        import psutil

        with contextlib.suppress(psutil.NoSuchProcess):
            head = psutil.Process(pid)
            for process in [*head.children(recursive=True), head]:
                process.kill()
