"""Why a job waits, as the command line says it."""

from __future__ import annotations

from pharos.answers import Accepted, Job, Waiting
from pharos.cli.output import say


def help_line(waiting: Waiting) -> str | None:
    """Return what would help, with its command, in one line; ``None`` where nothing is to be done."""
    action = waiting["action"]
    if action is None:
        return None
    return f"{action['text']}: {action['command']}" if action["command"] else f"{action['text']}."


def why(job: Job) -> str | None:
    """Return why a job stands where it stands, in a cell of a table."""
    waiting = job["waiting"]
    return waiting["text"] if waiting is not None else job["detail"]


def say_accepted(accepted: Accepted) -> None:
    """Tell the person what became of a submission, why it waits, and what would help."""
    again = " It was waiting already." if accepted["deduplicated"] else ""
    say(f"{accepted['repository']} is {accepted['state']}{place(accepted)}.{again}")
    waiting = accepted["waiting"]
    if waiting is not None:
        say(waiting["text"])
        helps = help_line(waiting)
        if helps is not None:
            say(helps)
    say(f"Follow it: pharos jobs show {accepted['job_id']}")


def place(accepted: Accepted) -> str:
    """Return a job's place in the queue, to stand in a sentence."""
    return f", place {accepted['position']} in the queue" if accepted["position"] else ""
