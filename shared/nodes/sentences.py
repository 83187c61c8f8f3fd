"""The words of a reason: times, names, needs, and what is the matter with a worker, as a person reads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared.jobs.kinds import Kind
from shared.nodes.capabilities import Needs
from shared.nodes.facts import JobFacts, WorkerFacts

#: Workers that a sentence names; the others are counted.
_NAMED = 3
_PLACES = ("next", "second", "third", "fourth", "fifth")
_KINDS = {Kind.INGEST: "index", Kind.REMOVE: "removal"}


def span(seconds: float) -> str:
    """Return a length of time, coarsely and no less than a minute: a page that shows it changes once a minute."""
    if seconds < 60:
        return "a minute"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    if seconds < 48 * 3600:
        return f"{round(seconds / 3600)} h"
    return f"{round(seconds / 86400)} days"


def about(seconds: float) -> str:
    """Return a length of time that is an estimate."""
    return "less than a minute" if seconds < 60 else f"about {span(seconds)}"


def ago(seconds: float) -> str:
    """Return how long ago something was."""
    return "a moment ago" if seconds < 60 else f"{span(seconds)} ago"


def listed(words: Sequence[str]) -> str:
    """Return words as a list in a sentence; never more than a few."""
    if len(words) > _NAMED + 1:
        words = (*words[:_NAMED], f"{len(words) - _NAMED} others")
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def names(workers: Iterable[WorkerFacts]) -> str:
    """Return the nodes of workers, each once."""
    return listed(tuple(dict.fromkeys(worker.node for worker in workers)))


def several(workers: Sequence[WorkerFacts]) -> bool:
    """Return whether workers stand for more than one name."""
    return len({worker.node for worker in workers}) > 1


def one_of(workers: Sequence[WorkerFacts]) -> str:
    """Return whichever of some workers it will be."""
    return f"one of {names(workers)}" if several(workers) else names(workers)


def is_are(workers: Sequence[WorkerFacts]) -> str:
    """Return the verb that follows their names."""
    return "are" if several(workers) else "is"


def takes(workers: Sequence[WorkerFacts]) -> str:
    """Return the verb that follows their names."""
    return "take" if several(workers) else "takes"


def until_free(here: Sequence[WorkerFacts]) -> str:
    """Return what must come about before somebody else can take a job over."""
    return f"{one_of(here)} is free" if here else "another worker that can is there"


def free_to(free: Sequence[WorkerFacts], then: str) -> str:
    """Return that workers are free, and what one of them does then."""
    return f"{names(free)} are free, and one of them {then}" if several(free) else f"{names(free)} is free and {then}"


def place(ahead: int) -> str:
    """Return a place in line behind ``ahead`` others."""
    return f"{_PLACES[ahead]} in line" if ahead < len(_PLACES) else f"place {ahead + 1} in line"


def kinds(found: Iterable[Kind]) -> str:
    """Return kinds of job, as things that a worker takes."""
    return f"{' and '.join(_KINDS[kind] for kind in found)} jobs"


def gib(amount: float) -> str:
    """Return an amount of memory."""
    return f"{round(amount, 1):g} GiB"


def wants(needs: Needs) -> tuple[str, ...]:
    """Return what a job asks of a machine, each as a thing; the node that it is bound to is none."""
    things = []
    if needs.gpu_memory:
        things.append(f"a GPU with {needs.gpu_memory} GiB")
    elif needs.gpu:
        things.append("a GPU")
    if needs.memory:
        things.append(f"{needs.memory} GiB of memory")
    if needs.model is not None:
        things.append(f"the model {needs.model}")
    return tuple(things)


def lacks(needs: Needs, worker: WorkerFacts) -> dict[str, str]:
    """Return which of those things a worker lacks, and what it has in their place."""
    able, missing = worker.capabilities, {}
    things = iter(wants(needs))
    if needs.gpu or needs.gpu_memory:
        thing = next(things)
        if not able.gpu:
            missing[thing] = "has none"
        elif able.gpu_memory < needs.gpu_memory:
            missing[thing] = f"has {gib(able.gpu_memory)}"
    if needs.memory:
        thing = next(things)
        if able.memory < needs.memory:
            missing[thing] = f"has {gib(able.memory)}"
    if needs.model is not None and needs.model not in able.models:
        missing[next(things)] = "does not offer it"
    return missing


def trouble(worker: WorkerFacts) -> str:
    """Return why a worker takes no jobs now, to stand after its name."""
    if worker.state in {"paused", "draining"}:
        word = "is paused" if worker.state == "paused" else "is draining"
        until = "until somebody resumes it" if worker.seconds_left is None else f"for {_more(worker.seconds_left)}"
        note = f" ({worker.note})" if worker.note else ""
        return f"{word} {until}{note}"
    if worker.state == "too_old":
        if worker.newer:
            return f"runs Pharos {worker.version}, which is newer than this control plane"
        return f"runs Pharos {worker.version}, which is too old for the ledger"
    if worker.goodbye == "sleeping":
        return f"went to sleep {ago(worker.since)}"
    if worker.goodbye == "stopping":
        return f"was stopped {ago(worker.since)}"
    return f"went away {ago(worker.since)} without a goodbye"


def remedy(worker: WorkerFacts) -> str:
    """Return what ends a worker's trouble, to stand after its name."""
    if worker.state in {"paused", "draining"}:
        return "is resumed"
    if worker.state == "too_old":
        return "and the control plane fit together" if worker.newer else "is updated"
    return "is back"


def patience(job: JobFacts) -> str:
    """Return what becomes of a job that waits for somebody who is not there, to stand after when it starts."""
    if job.deadline_in is None:
        return "; nothing is lost, and it waits for as long as it takes."
    return f"; nothing is lost. If that takes more than {span(max(0.0, job.deadline_in))}, it is skipped, as set."


def sentence(text: str) -> str:
    """Return a text from elsewhere as a sentence that others can follow."""
    text = text.strip()
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _more(seconds: float) -> str:
    return "less than a minute" if seconds < 60 else f"{span(seconds)} more"
