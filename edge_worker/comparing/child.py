"""The process that compares two commits: it reads one assignment, writes one finding, and ends.

It also ends when its standard input does, which is how it notices that the worker is gone, however that ended.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from dataclasses import replace
from typing import TextIO

from edge_worker.attempt.reach import access_to, address_of, limits_of
from edge_worker.comparing.messages import Assignment, Finding
from edge_worker.source.compare import compare
from edge_worker.source.languages.registry import language_of
from shared.changes import Change
from shared.errors import ConfigurationError, InvalidRepository, JobSignal, PharosError
from shared.logs import configure_logs
from shared.nodes.comparison import Compared, Difference
from shared.nodes.line import MAX_BODY

#: Bytes of an answer besides the changes in it.
_AROUND = 1_000
#: Ends of a fetch that another worker need not meet: it has another token, other folders, another network or disk.
_OF_THIS_WORKER = frozenset({"address_refused", "repository_not_found", "host_not_found", "disk_full"})


class _Unheard:
    """Nobody asks how far it is, and it is stopped by ending the process."""

    def stage(self, name: str, done: int = 0, total: int = 0) -> None:
        """Say nothing."""

    def check(self) -> None:
        """Go on."""


def serve(lines: TextIO, out: TextIO) -> None:
    """Do the one assignment that is there, unless ``lines`` ends before it is done."""
    assignment = Assignment.model_validate_json(lines.readline())
    threading.Thread(target=_end_with, args=(lines.fileno(),), daemon=True).start()
    configure_logs(assignment.equipment.log_level)
    try:
        found = Finding(changes=differences(assignment))
    except PharosError as error:
        found = Finding(error=error.message, elsewhere=_of_this_worker(error), missing=_is_missing(error))
    out.write(found.model_dump_json())
    out.flush()


def differences(assignment: Assignment) -> list[Difference]:
    """Return the sources in which the commits differ.

    Raises:
        PharosError: as ``compare`` does, or there are more than are wanted or fit an answer.
    """
    equipment, wanted = assignment.equipment, assignment.comparison
    limits = limits_of(equipment)
    changed = compare(
        address_of(equipment, wanted.url),
        base=wanted.base,
        head=wanted.head,
        into=assignment.folder,
        limits=replace(limits, seconds=min(limits.seconds, wanted.seconds)),
        access=access_to(equipment)(wanted.repository, str(wanted.tenant_id)),
        reporter=_Unheard(),
    )
    return _fitting([one for one in changed if _is_source(one)], most=wanted.most)


def _fitting(sources: list[Change], *, most: int) -> list[Difference]:
    """Return all of them as an answer takes them.

    Raises:
        PharosError: it does not take so many.
    """
    compared = Compared.of(sources)
    size = len(compared.model_dump_json(exclude_defaults=True).encode())
    if len(sources) > most or size > MAX_BODY - _AROUND:
        raise PharosError(
            f"The commits differ in {len(sources):,} sources; {most:,} at most are looked at, and their names must fit "
            f"{MAX_BODY // 1000} kB. Nothing was changed. Compare commits that lie nearer to each other."
        )
    return compared.changes


def _is_source(changed: Change) -> bool:
    return any(language_of(path) is not None for path in (changed.path, changed.before) if path is not None)


def _of_this_worker(error: PharosError) -> bool:
    if isinstance(error, JobSignal):
        return error.reason in _OF_THIS_WORKER
    return isinstance(error, InvalidRepository | ConfigurationError)


def _is_missing(error: PharosError) -> bool:
    return isinstance(error, JobSignal) and error.reason == "ref_not_found"


def _end_with(lines: int) -> None:
    # By its number: nobody must hold the stream itself when the interpreter closes it.
    while os.read(lines, 1 << 12):
        pass
    # Every git that still runs is under a guard, and ends with this process.
    os._exit(3)


if __name__ == "__main__":
    # Ctrl-C reaches the whole terminal; the worker decides what becomes of this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(sys.stdin, sys.stdout)
