"""The supervisor's end of the compute process: start it, talk to it, and end it whatever it is doing."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping

from pydantic import BaseModel

from edge_worker.attempt.messages import Ended, Equipment, Hello, Up, read_up
from shared.errors import ConfigurationError, Transient
from shared.logs import get_logger

log = get_logger(__name__)

#: Seconds between the end of a child's words and its own.
_LAST_BREATH = 2.0
#: The module that a compute process runs.
ENTRY = "edge_worker.attempt.child"


class ComputeDied(Exception):
    """The compute process ended by itself; ``code`` is what the system says of it."""

    def __init__(self, code: int | None) -> None:
        self.code = code
        super().__init__(f"the compute process ended with {code}")


class ComputeProcess:
    """One warm child in a process group of its own. It is started when it is first needed, and again after a death."""

    def __init__(
        self,
        equipment: Equipment,
        *,
        environment: Mapping[str, str],
        start_timeout: float = 180.0,
        entry: str = ENTRY,
    ) -> None:
        """``entry`` is a module that calls ``child.serve``."""
        self._equipment = equipment
        self._entry = entry
        self._environment = dict(environment)
        self._start_timeout = start_timeout
        self._child: subprocess.Popen[str] | None = None
        self._heard: queue.SimpleQueue[Up | None] = queue.SimpleQueue()

    @property
    def pid(self) -> int | None:
        """The child's process id while it lives."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def warm(self) -> Hello | None:
        """Make sure that a child is there and ready; return what it said first, or ``None`` when it was there already.

        Raises:
            ConfigurationError: what it was told of this worker is wrong.
            Transient: it did not come up.
        """
        if self.pid is not None:
            return None
        self.kill()
        self._heard = queue.SimpleQueue()
        self._child = self._spawn()
        threading.Thread(target=self._listen, args=(self._child, self._heard), daemon=True).start()
        try:
            self.say(self._equipment)
            first = self.hear(self._start_timeout)
        except ComputeDied as error:
            self.kill()
            raise Transient("compute_not_started", f"The compute process did not start ({error}).") from error
        if isinstance(first, Ended):
            self.kill()
            raise (
                ConfigurationError(first.detail)
                if first.signal == "permanent"
                else Transient(first.reason, first.detail)
            )
        if not isinstance(first, Hello):
            self.kill()
            raise Transient("compute_not_started", "The compute process did not become ready in time.")
        return first

    def say(self, message: BaseModel) -> None:
        """Send one message.

        Raises:
            ComputeDied: nobody is there to read it.
        """
        if self._child is None or self._child.stdin is None:
            raise ComputeDied(None)
        try:
            self._child.stdin.write(message.model_dump_json() + "\n")
            self._child.stdin.flush()
        except (OSError, ValueError) as error:
            raise ComputeDied(self._child.poll()) from error

    def hear(self, wait: float) -> Up | None:
        """Return the next message, or ``None`` after ``wait`` seconds without one.

        Raises:
            ComputeDied: the child ended.
        """
        try:
            message = self._heard.get(timeout=wait)
        except queue.Empty:
            return None
        if message is None:
            raise ComputeDied(self._exit_code())
        return message

    def kill(self) -> None:
        """End the child and everything that it started, now."""
        child, self._child = self._child, None
        if child is None:
            return
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

    def _exit_code(self) -> int | None:
        """Return what became of a child that says nothing more; one that lives on is not waited for."""
        if self._child is None:
            return None
        try:
            return self._child.wait(_LAST_BREATH)
        except subprocess.TimeoutExpired:
            return None

    def _spawn(self) -> subprocess.Popen[str]:
        flags = {"start_new_session": True} if os.name == "posix" else {"creationflags": 0x00000200}
        return subprocess.Popen(
            [sys.executable, "-m", self._entry, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
            text=True,
            encoding="utf-8",
            **flags,
        )

    @staticmethod
    def _listen(child: subprocess.Popen[str], heard: queue.SimpleQueue[Up | None]) -> None:
        assert child.stdout is not None
        try:
            for line in child.stdout:
                heard.put(read_up(line))
        except (ValueError, OSError) as error:
            # Either the pipe was closed under us by kill(), or the child said what is no message: it is of no more use.
            log.warning("compute_unintelligible", error=type(error).__name__)
        finally:
            heard.put(None)
