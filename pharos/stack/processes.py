"""Child processes: started with a log file, watched, stopped by handle, and never outliving their parent on Linux."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from pharos.stack.private import FILE_MODE

#: ``prctl(2)``: the signal that a process gets when the thread that started it is gone.
PR_SET_PDEATHSIG = 1

#: The folder in which ``python -m cloud_api`` and ``python -m edge_worker`` are found.
CHECKOUT = Path(__file__).resolve().parents[2]

_NEW_GROUP = 0x00000200  # CREATE_NEW_PROCESS_GROUP, a name that subprocess has on Windows only
if sys.platform == "win32":
    _ASK, _KILL = signal.CTRL_BREAK_EVENT, signal.SIGTERM
else:
    _ASK, _KILL = signal.SIGTERM, signal.SIGKILL


@dataclass(frozen=True, kw_only=True)
class Account:
    """A user of this machine under which a child runs."""

    name: str
    uid: int
    gid: int


class Child:
    """A running child process. As a context manager it is stopped at the end of the block."""

    def __init__(self, process: subprocess.Popen[bytes], *, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @property
    def pid(self) -> int:
        """The process id, valid until the child was stopped."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code (negative: the signal that ended it), or None while it runs."""
        return self._process.poll()

    def last_words(self, lines: int = 3) -> str:
        """Return the last lines of its log, for an error message."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return " | ".join(line.strip() for line in text.strip().splitlines()[-lines:])

    def stop(self, *, ask: int = _ASK, patience: float = 10.0) -> None:
        """Ask the process to end, wait ``patience`` seconds, then kill it and all that it had started.

        An impatient Ctrl-C while waiting kills at once.
        """
        family = self._family()
        if self.exit_code is None:
            self._process.send_signal(ask)
        self.end(patience=patience)
        for relative in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                relative.kill()

    def end(self, *, patience: float) -> None:
        """Wait ``patience`` seconds for a process that was asked to end, then kill it."""
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()

    def _family(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.pid).children(recursive=True) if self.exit_code is None else []
        except psutil.NoSuchProcess:
            return []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_child(
    command: Sequence[str | Path],
    *,
    name: str,
    log: Path,
    env: Mapping[str, str],
    cwd: Path,
    account: Account | None = None,
    dies_by: int = _KILL,
) -> Child:
    """Start ``command`` in a session of its own, so that a Ctrl-C reaches the parent alone, which stops it in order.

    Its output goes to ``log`` (the log before it is kept as ``….1``) and what it writes is private (umask 077).
    ``env`` is its whole environment. On Linux it gets the signal ``dies_by`` when its parent dies, even by SIGKILL;
    call this from a thread that lives as long as the child shall.
    """
    with os.fdopen(_fresh_log(log), "wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=dict(env),
            preexec_fn=_tie_to_parent(dies_by),  # noqa: PLW1509  # the hook calls prctl and nothing else
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            umask=0o077 if sys.platform != "win32" else -1,
            start_new_session=sys.platform != "win32",
            creationflags=_NEW_GROUP if sys.platform == "win32" else 0,
        )
    return Child(process, name=name, log=log)


def start_python(module: str, *, log: Path, env: Mapping[str, str]) -> Child:
    """Start ``python -m module`` of this checkout; ``env`` is added to this process's environment."""
    command = [sys.executable, "-m", module]
    return start_child(command, name=module, log=log, env=environment(env), cwd=CHECKOUT)


def environment(added: Mapping[str, str], without: tuple[str, ...] = ()) -> dict[str, str]:
    """Return this process's environment with ``added``, less the variables that start with one of ``without``."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(without)} if without else os.environ
    return {**kept, **added}


def _fresh_log(log: Path) -> int:
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, FILE_MODE)


def _tie_to_parent(dies_by: int) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def tie() -> None:
        # Runs after the change of user, which would clear the setting (prctl(2)), and before exec, which keeps it.
        prctl(PR_SET_PDEATHSIG, dies_by)
        if os.getppid() != parent:
            os._exit(1)

    return tie
