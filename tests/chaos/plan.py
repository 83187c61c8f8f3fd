"""What a seed stands for: the jobs that are asked for and the blows that fall meanwhile. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from tests.chaos.history import Fate
from tests.faults.house import Place

NODES = ("attic", "cellar", "den")

What = Literal["kill", "freeze", "plane", "reset", "reply", "flush", "dead"]

#: Seconds between two blows of a kind, on average.
_EVERY: dict[What, float] = {
    "kill": 0.6,
    "reset": 0.8,
    "reply": 0.6,
    "freeze": 2.5,
    "flush": 4.0,
    "dead": 6.0,
    "plane": 8.0,
}
#: Requests whose reply is lost: the request itself arrives and is obeyed.
_REPLIES: tuple[tuple[Place, bytes], ...] = (
    ("postgres", b"COMMIT"),
    ("postgres", b"set state = 'succeeded'"),
    ("postgres", b"pharos.submit_job"),
    ("postgres", b"pharos.start_job"),
    ("postgres", b"pharos.turn_jobs"),
    ("postgres", b"pharos.release_job"),
    ("postgres", b"pharos.end_job"),
    ("redis", b"RPUSH"),
    ("redis", b"BLPOP"),
    ("redis", b"LMPOP"),
    ("plane", b"POST /api/v1/ingestion/ingest"),
    ("plane", b"POST /api/v1/workers/heartbeat"),
)
#: What a repository's owner does to its jobs (see tests/faults/child.py), how often in a hundred, and how they end.
_FATES: tuple[tuple[str, int, Fate], ...] = (
    ("plain", 67, "succeed"),
    ("idle", 20, "idle"),
    ("flaky", 4, "succeed"),
    ("dies-once", 3, "succeed"),
    ("fails", 4, "fail"),
    ("dies", 2, "fail"),
)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One submit, repeated under its key until it is answered."""

    key: str
    repository: str
    body: dict[str, Any]
    fate: Fate
    #: Seconds before it is made.
    pause: float
    #: Asked once more after it was answered: the answer must be the same.
    twice: bool


@dataclass(frozen=True, kw_only=True)
class Blow:
    """Something bad at a moment, in seconds from the beginning."""

    at: float
    what: What
    node: str
    place: Place
    pattern: bytes
    #: How long it lasts, as a share of ``lost_after`` (freeze) or in seconds (until a restart).
    lasts: float
    #: A worker is frozen without its compute process: the attempt is done when it wakes, and it publishes at once.
    half: bool


def wishes(seed: int, jobs: int, *, every: float) -> list[Wish]:
    """Return what is asked for, ``every`` seconds on average."""
    chance = random.Random(f"wishes {seed}")
    return [_wish(chance, seed, number, every) for number in range(jobs)]


def blows(seed: int, *, seconds: float) -> list[Blow]:
    """Return what happens in so many seconds, in order."""
    chance = random.Random(f"blows {seed}")
    return sorted(_all_blows(chance, seconds), key=lambda blow: blow.at)


def _wish(chance: random.Random, seed: int, number: int, every: float) -> Wish:
    ((owner, _, fate),) = chance.choices(_FATES, [weight for _, weight, _ in _FATES])
    shared = owner == "plain" and chance.random() < 0.15
    name = f"shared-{chance.randrange(5)}" if shared else f"{seed}-{number}"
    slow = chance.random() < 0.1
    body: dict[str, Any] = {
        "url": f"https://github.com/{owner}/{name}",
        "epochs": chance.randint(30, 60) if slow else chance.randint(1, 5),
        "priority": chance.choices(("urgent", "high", "normal", "low"), (5, 15, 60, 20))[0],
        # A repository that comes back goes to its home, which may have no GPU.
        "needs": {} if shared else _needs(chance),
    }
    return Wish(
        key=f"{seed}-{number}",
        repository=f"{owner}/{name}",
        body=body,
        fate=fate,
        pause=chance.expovariate(1 / every),
        twice=chance.random() < 0.1,
    )


def _needs(chance: random.Random) -> dict[str, Any]:
    needs = ({}, {"gpu": True}, {"gpu_memory": 6}, {"memory": 1}, {"node": chance.choice(NODES)})
    return chance.choices(needs, (70, 6, 6, 8, 10))[0]


def _all_blows(chance: random.Random, seconds: float) -> Iterator[Blow]:
    for what, every in _EVERY.items():
        at = chance.expovariate(1 / every)
        while at < seconds:
            yield _blow(chance, what, at)
            at += max(0.1, chance.expovariate(1 / every))


def _blow(chance: random.Random, what: What, at: float) -> Blow:
    place, pattern = chance.choice(_REPLIES)
    if what == "reset":
        place = chance.choice(("redis", "postgres", "plane"))
    lasts = {
        # Past a lost worker's patience always, past its lease (ten times that) now and then.
        "freeze": chance.choice((1.1, 1.2, 1.3, 1.5, 2.0, 3.0, 13.0)),
        "kill": chance.choice((0.0, 0.0, 0.3, 1.0)),
        "plane": chance.choice((0.0, 0.5)),
    }
    return Blow(
        at=at,
        what=what,
        node=chance.choice(NODES),
        place=place,
        pattern=pattern,
        lasts=lasts.get(what, 0.0),
        half=chance.random() < 0.6,
    )
