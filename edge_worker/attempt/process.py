"""The supervisor's end of the compute process: start it, talk to it, and end it whatever it is doing."""

from __future__ import annotations

import queue
import subprocess
import threading
from collections.abc import Mapping

from pydantic import BaseModel

from edge_worker.attempt import pipe
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
        self._child = pipe.start(self._entry, self._environment)
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
        if child is not None:
            pipe.end(child)

    def _exit_code(self) -> int | None:
        """Return what became of a child that says nothing more; one that lives on is not waited for."""
        if self._child is None:
            return None
        try:
            return self._child.wait(_LAST_BREATH)
        except subprocess.TimeoutExpired:
            return None

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
