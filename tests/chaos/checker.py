"""Was anything lost, was anything doubled? A pure function over the history of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from shared.jobs.retry import MAX_FAILURES, MAX_RESCUES
from shared.jobs.states import State
from tests.chaos.history import Change, History

_FOLLOWS = {
    "queued": {"running", "cancelled", "skipped"},
    "running": {"queued", "succeeded", "failed", "cancelled"},
}
_ENDED = {state.value for state in State if state.ended}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is wrong, in words, and the two figures that matter."""

    #: Acknowledged jobs without a terminal state, or with another one than they were meant to have.
    lost: int
    #: Effects that are more than one of a success, or of no success.
    doubled: int
    problems: tuple[str, ...]


def check(history: History) -> Verdict:
    """Return the verdict on one run, after it settled."""
    lives = _lives(history)
    lost = [*_unended(history, lives), *_of_another_fate(history, lives)]
    doubled = [*_effects(history, lives), *_visible(history)]
    others = [
        *_unasked(history, lives),
        *_keys(history),
        *_moves(lives),
        *_fences(lives),
        *_counts(lives),
        *_two_at_once(history),
    ]
    return Verdict(lost=len(lost), doubled=len(doubled), problems=(*lost, *doubled, *others))


def _lives(history: History) -> dict[str, list[Change]]:
    lives: dict[str, list[Change]] = defaultdict(list)
    for change in sorted(history.changes, key=lambda change: change.at):
        lives[change.job_id].append(change)
    return lives


def _unended(history: History, lives: dict[str, list[Change]]) -> Iterator[str]:
    for job_id in dict.fromkeys(ask.job_id for ask in history.asks):
        if job_id not in lives:
            yield f"{job_id} was acknowledged and is not in the ledger"
        elif (last := lives[job_id][-1]).state not in _ENDED:
            yield f"{job_id} did not end: it is {last.state}, attempt {last.attempt}"


def _of_another_fate(history: History, lives: dict[str, list[Change]]) -> Iterator[str]:
    meant = {"succeed": "succeeded", "fail": "failed", "idle": "succeeded"}
    for job_id, fate in {ask.job_id: ask.fate for ask in history.asks}.items():
        last = lives[job_id][-1] if job_id in lives else None
        if last is not None and last.state in _ENDED and last.state != meant[fate]:
            how = f"{last.reason}, {last.failures} failures, {last.rescues} rescues"
            yield f"{job_id} {last.state} ({how}): {fate} meant"


def _effects(history: History, lives: dict[str, list[Change]]) -> Iterator[str]:
    """Each success published once, in its own transaction, its own generation; nothing else was published.

    One that had nothing to publish published nothing.
    """
    idle = {ask.job_id for ask in history.asks if ask.fate == "idle"}
    made: dict[int, list[str]] = defaultdict(list)
    for publication in history.publications:
        made[publication.transaction].append(
            f"{publication.repository_id} {publication.generation} {publication.commit}"
        )
    for job_id, life in lives.items():
        for change in life:
            if change.state != "succeeded":
                continue
            wanted = [] if job_id in idle else [f"{change.repository_id} {change.generation} {job_id}.{change.attempt}"]
            effects = made.pop(change.transaction, [])
            if effects != wanted:
                yield f"{job_id} succeeded with the effects {effects}, not with {wanted}"
    for effects in made.values():
        yield f"{effects} became visible and no job succeeded with it"


def _visible(history: History) -> Iterator[str]:
    """What is visible is the newest publication, whole and alone; generations of a repository only rise."""
    newest: dict[str, tuple[int, str]] = {}
    for one in sorted(history.publications, key=lambda publication: publication.at):
        before = newest.get(one.repository_id, (0, ""))
        if one.generation <= before[0]:
            yield f"{one.repository_id} went from generation {before[0]} to {one.generation}"
        newest[one.repository_id] = (one.generation, one.commit)
    for seen in history.visible:
        if newest.pop(seen.repository_id, None) != (seen.generation, seen.commit):
            yield f"{seen.repository_id} shows {seen.generation} {seen.commit}, which was not published last"
        if not seen.paths or any(not path.startswith(f"{seen.commit}/") for path in seen.paths):
            yield f"{seen.repository_id} shows files that are not those of {seen.commit}: {seen.paths}"
    for repository_id, (generation, _) in newest.items():
        yield f"{repository_id} was published as {generation} and is not visible"


def _unasked(history: History, lives: dict[str, list[Change]]) -> Iterator[str]:
    asked = {ask.job_id for ask in history.asks}
    for job_id in lives:
        if job_id not in asked:
            yield f"{job_id} is in the ledger and was given to nobody: a submit was recorded twice"


def _keys(history: History) -> Iterator[str]:
    jobs: dict[str, set[str]] = defaultdict(set)
    for ask in history.asks:
        jobs[ask.key].add(ask.job_id)
    for key, found in jobs.items():
        if len(found) > 1:
            yield f"the key {key} led to {sorted(found)}"


def _moves(lives: dict[str, list[Change]]) -> Iterator[str]:
    for job_id, life in lives.items():
        if life[0].state != "queued" or life[0].attempt != 0:
            yield f"{job_id} began as {life[0].state}, attempt {life[0].attempt}"
        for one, then in pairwise(life):
            if then.state not in _FOLLOWS.get(one.state, set()):
                yield f"{job_id} went from {one.state} to {then.state}"


def _fences(lives: dict[str, list[Change]]) -> Iterator[str]:
    """Each start raises the attempt by one and takes a newer generation; nothing else touches either."""
    for job_id, life in lives.items():
        for one, then in pairwise(life):
            step = 1 if then.state == "running" else 0
            if then.attempt != one.attempt + step:
                yield f"{job_id} went from attempt {one.attempt} to {then.attempt} as it became {then.state}"
            if then.state == "running" and (then.generation or 0) <= (one.generation or 0):
                yield f"{job_id} attempt {then.attempt} got generation {then.generation} after {one.generation}"


def _counts(lives: dict[str, list[Change]]) -> Iterator[str]:
    for job_id, life in lives.items():
        last = life[-1]
        if last.failures > MAX_FAILURES or last.rescues > MAX_RESCUES + 1:
            yield f"{job_id} had {last.failures} failures and {last.rescues} rescues"
        back = sum(one.state == "running" and then.state == "queued" for one, then in pairwise(life))
        if last.attempt > back + 1:
            yield f"{job_id} had {last.attempt} attempts and was given back {back} times"


def _two_at_once(history: History) -> Iterator[str]:
    running: dict[str, str] = {}
    for change in sorted(history.changes, key=lambda change: change.at):
        holder = running.get(change.repository_id)
        if change.state == "running":
            if holder is not None:
                yield f"{change.repository_id} was run by {holder} and {change.job_id} at once"
            running[change.repository_id] = change.job_id
        elif holder == change.job_id:
            del running[change.repository_id]
