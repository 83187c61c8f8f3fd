"""``pharos …`` as a process of its own, and the processes that it starts."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

import psutil
import pytest

from pharos.stack.processes import CHECKOUT

#: Seconds; the first import of the ML libraries from a cold disk takes most of it.
PATIENCE = 240


class Program:
    """``pharos …`` running, with what it has put out so far, and every process that it ever had."""

    def __init__(self, arguments: tuple[str, ...], environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pharos", *arguments],
            cwd=CHECKOUT,
            env=dict(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.family: set[psutil.Process] = set()
        self._talk: list[str] = []
        self._news = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def talk(self) -> str:
        """What it has said on standard error."""
        return "".join(self._talk)

    def read_json(self) -> dict[str, Any]:
        """Return the one JSON object that it puts out before it goes on."""
        assert self.process.stdout is not None
        text = ""
        for line in self.process.stdout:
            text += line
            if line == "}\n":
                break
        else:
            pytest.fail(f"no answer: {self.talk}")
        self.note_family()
        return dict(json.loads(text))

    def wait_for(self, words: str) -> None:
        """Return once it has said these words."""
        while not self._news.wait(PATIENCE) or words not in self.talk:
            self._news.clear()
            assert self.process.poll() is None, self.talk

    def note_family(self) -> None:
        """Remember which processes belong to it now."""
        self.family |= set(psutil.Process(self.process.pid).children(recursive=True))

    def end(self, how: signal.Signals) -> int:
        """Send it a signal and return its exit code."""
        self.note_family()
        self.process.send_signal(how)
        return self.process.wait(60)

    def left(self) -> list[psutil.Process]:
        """Return the processes of it that still run 10 s later."""
        return psutil.wait_procs(list(self.family), timeout=10)[1]

    def close(self) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGKILL)
        for process in self.left():
            process.kill()
        self._listener.join()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._talk.append(line)
            self._news.set()


def running_in(environment: Mapping[str, str]) -> list[psutil.Process]:
    """Return the processes that were started under this test's own environment."""
    return [one for one in psutil.process_iter() if _variables(one).get("TMPDIR") == environment["TMPDIR"]]


def _variables(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:  # another user's, or gone
        return {}


def command_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
