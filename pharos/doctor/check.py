"""A check: its name, how it went, what was found, and one command that mends it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.errors import PharosError

Grade = Literal["OK", "WARN", "FAIL"]
#: Seconds that a check has.
LIMIT = 3.0


@dataclass(frozen=True, kw_only=True)
class Finding:
    """How a check went. ``fix`` is a command or a setting."""

    grade: Grade
    found: str
    fix: str | None = None


@dataclass(frozen=True, kw_only=True)
class Check:
    """Something to look at. ``look`` may raise an error of Pharos, which is a failure."""

    group: str
    name: str
    look: Callable[[], Finding]
    fix: str


def run_checks(checks: Sequence[Check], *, limit: float = LIMIT) -> list[Finding]:
    """Run every check at once and return the findings in their order; one without an answer in time has failed."""
    answers = queue.SimpleQueue[tuple[int, Finding]]()
    for number, check in enumerate(checks):
        # Daemons: one that hangs holds nobody up.
        threading.Thread(target=_run, args=(number, check, answers), daemon=True).start()
    found: dict[int, Finding] = {}
    deadline = time.monotonic() + limit
    while len(found) < len(checks):
        try:
            number, finding = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        found[number] = finding
    return [found.get(number) or _late(check, limit) for number, check in enumerate(checks)]


def _run(number: int, check: Check, answers: queue.SimpleQueue[tuple[int, Finding]]) -> None:
    try:
        finding = check.look()
    except PharosError as error:
        finding = Finding(grade="FAIL", found=error.message, fix=check.fix)
    except Exception as error:  # noqa: BLE001  # a check that breaks is an answer, too
        finding = Finding(grade="FAIL", found=f"the check itself broke ({type(error).__name__})", fix=check.fix)
    answers.put((number, finding))


def _late(check: Check, limit: float) -> Finding:
    return Finding(grade="FAIL", found=f"no answer within {limit:g} s", fix=check.fix)
