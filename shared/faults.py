"""Named points in the code at which a test may kill or freeze the process; in production they do nothing."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Literal, cast

from shared.errors import ConfigurationError

#: Every point there is, in the order in which a job passes them.
POINTS = (
    # The plane: committed, not yet on a lane; on its lane, nobody told yet.
    "submit.recorded",
    "submit.pushed",
    # One pass of reconcile: seen and decided; lost jobs given back, not yet on their lanes; on their lanes.
    "pass.decided",
    "pass.rescued",
    "pass.delivered",
    # The worker: an id off its lane; the ledger says that it is ours; what the handler made is there; the ledger says
    # that it ended; the end is ready to be told.
    "worker.popped",
    "worker.started",
    "worker.publishing",
    "worker.published",
    "worker.ended",
    # The compute process: whenever a handler reports that stage; its result is written and not yet told.
    "compute.fetch",
    "compute.parse",
    "compute.train",
    "compute.store",
    "compute.chunk",
    "compute.embed",
    "compute.store_text",
    "compute.done",
)

Action = Literal["kill", "stop"]
_SPEC = re.compile(r"([a-z.]+):(kill|stop)(?:@([1-9][0-9]{0,8}))?")


@dataclass(frozen=True, kw_only=True)
class Armed:
    """What happens at a point, and at which of the times that it is passed."""

    action: Action
    time: int = 1


class Faults:
    """The points of one process that are armed."""

    def __init__(self, armed: dict[str, Armed]) -> None:
        self._armed = armed
        self._passed: Counter[str] = Counter()

    def at(self, name: str) -> None:
        """Do what this point is armed with, if it is its time."""
        armed = self._armed.get(name)
        if armed is None:
            return
        self._passed[name] += 1
        if self._passed[name] == armed.time:
            os.kill(os.getpid(), _signal(armed.action))


#: The one thing here that is not handed down: a point that is off costs one comparison, wherever it stands.
_FAULTS: Faults | None = None


def fault(name: str) -> None:
    """Stand for a moment at which everything may end."""
    if _FAULTS is not None:
        _FAULTS.at(name)


def arm(spec: str | None) -> None:
    """Arm the points of this process as ``PHAROS_FAULT_AT`` says, or none.

    Raises:
        ConfigurationError: it cannot be read, or names a point that does not exist.
    """
    global _FAULTS  # noqa: PLW0603  # see there
    _FAULTS = None if spec is None else Faults(read(spec))


def read(spec: str) -> dict[str, Armed]:
    """Return what ``point:kill``, ``point:stop`` or ``point:kill@3`` (the third time), split by commas, arms.

    Raises:
        ConfigurationError: as for ``arm``.
    """
    armed: dict[str, Armed] = {}
    for word in filter(None, map(str.strip, spec.split(","))):
        match = _SPEC.fullmatch(word)
        if match is None or match[1] not in POINTS:
            raise ConfigurationError(
                f"PHAROS_FAULT_AT is wrong: '{word[:60]}' is no point with what happens there, such as "
                "worker.started:kill or worker.started:stop@2. It is for tests; leave it unset."
            )
        armed[match[1]] = Armed(action=cast(Action, match[2]), time=int(match[3] or 1))
    return armed


def _signal(action: Action) -> int:
    if sys.platform == "win32":
        # There is neither there; being ended without a word is the nearest.
        return signal.SIGTERM
    return signal.SIGKILL if action == "kill" else signal.SIGSTOP
