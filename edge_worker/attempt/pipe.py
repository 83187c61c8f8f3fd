"""A process of the worker's own at the end of a pipe: how it is started, takes the pipe over, and is ended."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import TextIO

_PR_SET_PDEATHSIG = 1


def start(entry: str, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start a module that begins with ``take_over``, in a group of its own; its standard error is this one's.

    On Linux it ends with the very thread that calls this, so that has to live as long.
    """
    flags = {"start_new_session": True} if os.name == "posix" else {"creationflags": 0x00000200}
    return subprocess.Popen(
        [sys.executable, "-m", entry, str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
        encoding="utf-8",
        **flags,
    )


def end(child: subprocess.Popen[str]) -> None:
    """End it and everything that it started, now, whatever it is doing; return when it is gone."""
    if os.name == "posix":
        # The child leads its own group: what it started goes with it. The group is gone when nobody is left in it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    else:
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(child.pid)], capture_output=True, check=False)
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def take_over() -> tuple[TextIO, TextIO]:
    """Return what the supervisor says and what it hears; whatever libraries print goes to standard error."""
    _die_with(int(sys.argv[1]))
    # Ctrl-C reaches the whole terminal; the supervisor decides what becomes of us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lines = os.fdopen(os.dup(0), encoding="utf-8")
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return lines, out


def _die_with(parent: int) -> None:
    """Have the kernel end us when the supervisor dies, even in the middle of a call that holds every lock."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(3)
