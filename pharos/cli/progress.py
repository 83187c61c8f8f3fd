"""How far a job is: a bar on a terminal, a line for each stage elsewhere. Both on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pharos.answers import Job
from pharos.cli.output import clean, on_terminal, say
from pharos.cli.reasons import help_line
from pharos.follow import ENDED


@contextmanager
def job_progress() -> Iterator[Callable[[Job], None]]:
    """Lend a function that shows a job as it is now; nothing is shown before its first call."""
    if not on_terminal():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    progress = Progress(*columns, console=Console(stderr=True), transient=True)

    told = Reasons()

    def show(job: Job) -> None:
        reason = told.news(job)
        if reason:
            progress.console.print(clean(reason), markup=False, highlight=False)
        if not progress.task_ids:  # its clock begins here
            progress.add_task("")
            progress.start()
        words, done, total = describe(job)
        progress.update(progress.task_ids[0], description=clean(words), completed=done, total=total or None)
        if job["state"] in ENDED:
            progress.stop()

    try:
        yield show
    finally:
        progress.stop()


def describe(job: Job) -> tuple[str, int, int]:
    """Return what a job does now, and how much of how much is done (0 of 0 where there is nothing to count)."""
    stage = job["progress"]
    if stage is not None:
        return stage["stage"], stage["done"], stage["total"]
    if job["state"] == "queued":
        return f"waiting, place {job['position']}" if job["position"] else "waiting", 0, 0
    return job["state"], 0, 0


class Reasons:
    """Why a job waits, told once for each reason: its minutes go by in silence."""

    def __init__(self) -> None:
        self._told: str | None = None

    def news(self, job: Job) -> str | None:
        """Return the reason and what would help, when it is another one than before."""
        waiting = job["waiting"]
        code = waiting["code"] if waiting is not None else None
        if code == self._told:
            return None
        self._told = code
        return None if waiting is None else " ".join(filter(None, (waiting["text"], help_line(waiting))))


class _Lines:
    def __init__(self) -> None:
        self._last = ""
        self._told = Reasons()

    def __call__(self, job: Job) -> None:
        reason = self._told.news(job)
        if reason:
            say(f"  {reason}")
        words, _, _ = describe(job)
        if words != self._last:
            self._last = words
            say(f"  {words}")
