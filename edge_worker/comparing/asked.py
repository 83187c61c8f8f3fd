"""The supervisor's side of a comparison: it starts the process that does it, and sees to its end."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_worker.attempt.messages import Equipment
from edge_worker.comparing.messages import Assignment, Finding
from shared.errors import InvalidRequest, NotAnswered, NotFound, Unavailable
from shared.logs import get_logger
from shared.nodes.comparison import Compared, Comparison

log = get_logger(__name__)

#: Comparisons at a time: each fetches a repository.
_MOST = 2
#: Seconds beyond those that were asked for, in which the process should have ended by itself.
_GRACE = 10.0


class Comparisons:
    """Answers what two commits differ in. Safe on every thread."""

    def __init__(self, equipment: Equipment, *, environment: Mapping[str, str], scratch: Path) -> None:
        """``environment`` is what the process gets to see of this one's."""
        self._equipment = equipment
        self._environment = dict(environment)
        self._scratch = scratch
        self._free = threading.BoundedSemaphore(_MOST)

    def __call__(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return a ``Compared`` for a ``Comparison``.

        Raises:
            InvalidRequest: it is none.
            Unavailable: two are under way, or this worker cannot reach the repository, which another may.
            NotFound: the repository has no such commit.
            NotAnswered: the commits cannot be fetched or compared, or not in time.
        """
        try:
            wanted = Comparison.model_validate(body)
        except ValidationError:
            raise InvalidRequest("That is no comparison of two commits. Nothing was fetched.") from None
        if not self._free.acquire(blocking=False):
            raise Unavailable("This worker compares other commits. Nothing was fetched; try again in a moment.")
        try:
            with tempfile.TemporaryDirectory(dir=self._scratch, prefix="compare-") as folder:
                found = self._done(wanted, Path(folder))
        finally:
            self._free.release()
        if found.error is not None:
            raise (NotFound if found.missing else Unavailable if found.elsewhere else NotAnswered)(found.error)
        return Compared(changes=found.changes).model_dump(exclude_defaults=True)

    def _done(self, wanted: Comparison, folder: Path) -> Finding:
        assignment = Assignment(equipment=self._equipment, comparison=wanted, folder=folder)
        ends = time.monotonic() + wanted.seconds + _GRACE
        code, said = self._run(assignment.model_dump_json().encode() + b"\n", ends=ends)
        if not said and time.monotonic() >= ends:
            return Finding(error="The commits were not compared in time. Ask with more seconds.")
        try:
            return Finding.model_validate_json(said)
        except ValidationError:
            log.warning("comparison_broke", code=code)
            return Finding(error="The comparison broke. The worker's log says how.")

    def _run(self, told: bytes, *, ends: float) -> tuple[int, bytes]:
        """Return how the process ended and what it said; its standard error is this one's."""
        with subprocess.Popen(
            [sys.executable, "-m", "edge_worker.comparing.child"],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
            start_new_session=os.name == "posix",
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            overdue = threading.Timer(ends - time.monotonic(), process.kill)
            overdue.start()
            try:
                # The pipe stays open until it is done: its end is how the process learns of the end of this one.
                with contextlib.suppress(BrokenPipeError):  # it ended at once, and its exit code tells the rest
                    process.stdin.write(told)
                said = process.stdout.read()
            finally:
                overdue.cancel()
                process.kill()
        return process.returncode, said
