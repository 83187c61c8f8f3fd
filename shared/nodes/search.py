"""A search: what a worker is asked over its line, and what it answers."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

#: Characters of a question; more is a text, not a question.
MOST_QUERY = 2_000
#: Hits that one answer may have.
MOST_HITS = 50
#: Repositories that one question may be asked of.
MOST_TARGETS = 50

Kind = Literal["function", "method", "class", "module", "section", "lines"]


class _Word(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Target(_Word):
    """The published text of one repository."""

    repository_id: str
    repository: Annotated[str, StringConstraints(max_length=500)]
    collection: Annotated[str, StringConstraints(pattern=r"^text_[a-z0-9_]{1,120}$")]
    generation: int
    #: How many passages that generation has: who finds another number looks at one that was superseded meanwhile.
    passages: int | None = None


class Filters(_Word):
    """What a hit must be; an empty one admits everything."""

    #: The path begins with it.
    path: Annotated[str, StringConstraints(max_length=4_096)] = ""
    languages: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    kinds: Annotated[tuple[Kind, ...], Field(max_length=6)] = ()


class Question(_Word):
    """What somebody wants to find, and in what."""

    tenant_id: UUID
    query: Annotated[str, StringConstraints(min_length=1, max_length=MOST_QUERY)]
    targets: Annotated[tuple[Target, ...], Field(min_length=1, max_length=MOST_TARGETS)]
    filters: Filters = Filters()
    limit: int = Field(default=10, ge=1, le=MOST_HITS)
    #: How long somebody waits for it.
    milliseconds: int = Field(gt=0, le=60_000)


class Found(_Word):
    """One hit: lines ``start`` to ``end`` of a file, from 1, both included. ``score`` orders one answer's hits."""

    repository_id: str
    path: str
    language: str
    kind: Kind
    symbol: str
    start: int
    end: int
    score: float
    #: Its first lines, or those around the words that were asked for, and the number of the first of them.
    snippet: str
    snippet_start: int


#: Why an answer is less than it could be.
Degraded = Literal["model_loading", "model_missing", "other_model", "out_of_time", "index_too_large"]


class Answer(_Word):
    """What was found, best first."""

    hits: tuple[Found, ...]
    #: The name and version of what ranked them.
    ranker: str
    #: The model that embedded the question; ``None`` when words alone were compared.
    model: str | None
    degraded: Degraded | None = None
    #: Seconds until a loading model should be there.
    ready_in: float | None = None
    #: Milliseconds by stage: ``index``, ``embed``, ``rank``.
    timings: dict[str, float] = Field(default_factory=dict)
