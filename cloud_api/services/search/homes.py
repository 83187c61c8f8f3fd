"""Who has the text: repositories by the node that holds their passages, and one question to each over its line."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from pydantic import ValidationError

from cloud_api.line.asked import Answered
from cloud_api.presence import Presence
from cloud_api.services.line import Line
from cloud_api.services.search.answers import Hit, Missing, Timings
from cloud_api.services.search.asking import Asked
from cloud_api.services.search.breaker import Breaker
from cloud_api.services.search.pointers import Pointer
from cloud_api.workers import WorkerView
from shared.errors import NotAnswered, NotFound, NoWorker, Unavailable
from shared.logs import get_logger
from shared.nodes.search import MOST_TARGETS, Answer, Degraded, Found, Question, Target

log = get_logger(__name__)

#: Seconds that are enough to answer in.
_FAIR = 1.0
#: What a worker may say of its time.
_STAGES = ("index", "embed", "rank")
_ABSENT = {
    "paused": "is paused",
    "draining": "is draining",
    "offline": "was lost",
    "too_old": "has another version than the ledger",
}


@dataclass(frozen=True, kw_only=True)
class Home:
    """Repositories that one question is asked of."""

    #: ``None``: every worker reaches their text.
    node: str | None
    pointers: tuple[Pointer, ...]


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What became of the question to one home: what is found there, or that it is missing."""

    home: Home
    missing: Missing | None = None
    hits: tuple[Hit, ...] = ()
    ranker: str | None = None
    model: str | None = None
    degraded: Degraded | None = None
    ready_in: float | None = None
    timings: Timings = field(default_factory=dict)


def homes_of(pointers: Iterable[Pointer]) -> list[Home]:
    """Return who is to be asked, each of as many repositories as one question takes."""
    nodes: dict[str | None, list[Pointer]] = {}
    for one in pointers:
        nodes.setdefault(one.home, []).append(one)
    return [
        Home(node=node, pointers=tuple(mine[start : start + MOST_TARGETS]))
        for node, mine in nodes.items()
        for start in range(0, len(mine), MOST_TARGETS)
    ]


class Homes:
    """Asks them. Belongs on the server's loop."""

    def __init__(
        self, *, line: Line, presence: Presence, breaker: Breaker, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._line = line
        self._presence = presence
        self._breaker = breaker
        self._clock = clock

    async def ask(self, asked: Asked, home: Home, *, seconds: float) -> Answers:
        """Return what a home answers within so many seconds, or that and why its text is missing; raises nothing."""
        if not self._breaker.admits(home.node):
            return _missing(home, "not_answered", f"{_called(home)} left the last questions lying")
        began, seconds = self._clock(), max(seconds, 0.001)
        try:
            body = _question(asked, home, milliseconds=max(1, int(seconds * 1000)))
            answered = await self._line.ask("search", body, seconds=seconds, whom=home.node)
            found = _found(home, answered, limit=asked.limit)
        except (NoWorker, NotFound) as error:
            return _missing(home, "home_missing", self._absence(home, error))
        except Unavailable as error:
            log.info("search_not_answered", home=home.node, code=error.code, cause=error.message)
            # Whoever was given next to no time is not held to be broken.
            if isinstance(error, NotAnswered) and (seconds >= _FAIR or self._clock() - began < seconds):
                self._breaker.failed(home.node)
            return _missing(home, "not_answered", f"{_called(home)} did not answer")
        self._breaker.answered(home.node)
        return found

    def _absence(self, home: Home, error: NoWorker | NotFound) -> str:
        view = self._view(home)
        if isinstance(error, NotFound) and view is not None:
            return f"{_called(home)} does not find this index any more"
        if home.node is None:
            return "no worker that reaches this index is there"
        return f"{home.node} holds this index and {_state(view)}"

    def _view(self, home: Home) -> WorkerView | None:
        views = [view for view in self._presence.workers() if home.node in {None, view.node}]
        # Who is nearest to being there is the one to speak of.
        return min(views, key=lambda one: (not one.takes, not one.there, one.seen_seconds_ago), default=None)


def _question(asked: Asked, home: Home, *, milliseconds: int) -> dict[str, object]:
    targets = tuple(
        Target(
            repository_id=one.repository_id,
            repository=one.repository,
            collection=one.collection,
            generation=one.generation,
            passages=one.passages,
        )
        for one in home.pointers
    )
    question = Question(
        tenant_id=asked.tenant,
        query=asked.query,
        targets=targets,
        filters=asked.filters,
        limit=asked.limit,
        milliseconds=milliseconds,
    )
    return question.model_dump(mode="json")


def _found(home: Home, answered: Answered, *, limit: int) -> Answers:
    """Return what a worker answered, without what it was not asked for: it is somebody's machine, and may be wrong.

    Raises:
        NotAnswered: that is no answer to a search.
    """
    try:
        answer = Answer.model_validate(answered.body)
    except ValidationError:
        raise NotAnswered(f"{answered.worker} answered, but not with hits. Update it.") from None
    mine = {one.repository_id: one for one in home.pointers}
    hits = [_hit(one, mine[one.repository_id]) for one in answer.hits if one.repository_id in mine and _sound(one)]
    own = {name: answer.timings[name] for name in _STAGES if _length(answer.timings.get(name))}
    return Answers(
        home=home,
        hits=tuple(hits[:limit]),
        ranker=answer.ranker[:100],
        model=None if answer.model is None else answer.model[:200],
        degraded=answer.degraded,
        ready_in=answer.ready_in if _length(answer.ready_in) else None,
        timings={"line": answered.round_trip_ms, **own},
    )


def _hit(found: Found, pointer: Pointer) -> Hit:
    said = found.model_dump(exclude={"repository_id"})
    return Hit(
        repository_id=pointer.repository_id,
        repository=pointer.repository,
        commit=pointer.commit,
        by="worker",
        **said,
    )


def _sound(found: Found) -> bool:
    return math.isfinite(found.score) and 1 <= found.start <= found.end and found.snippet_start >= 1


def _length(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and value >= 0


def _missing(home: Home, reason: Literal["home_missing", "not_answered"], text: str) -> Answers:
    names = tuple(one.repository for one in home.pointers)
    return Answers(home=home, missing=Missing(node=home.node, repositories=names, reason=reason, text=text))


def _called(home: Home) -> str:
    return "the workers" if home.node is None else home.node


def _state(view: WorkerView | None) -> str:
    if view is None:
        return "was not heard in the last day"
    if view.goodbye == "sleeping":
        return "sleeps"
    if view.state == "left":
        return "was stopped"
    return _ABSENT.get(view.state, "holds no line")
