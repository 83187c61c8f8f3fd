"""The words of an answer: hits, whose text could not be searched, and where it all came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from cloud_api.services.search.pointers import Pointer
from shared.nodes.search import Degraded as WorkersReason

#: ``worker``: searched just now; ``cache``: before, in the same generations; ``stale``: before, in earlier ones;
#: ``names``: among paths and symbols alone.
Source = Literal["worker", "cache", "stale", "names"]
#: Why an answer is less than it could be: what a worker says of its own, or that one which has the text is not there,
#: does not answer in time, or that the ledger, which knows what is published, does not answer.
Degraded = WorkersReason | Literal["home_missing", "not_answered", "ledger_unavailable"]
#: Milliseconds by stage.
Timings = Mapping[str, float]


class Hit(BaseModel):
    """Lines ``start`` to ``end`` of a file, from 1, both included; 0 where a file's name alone was found."""

    model_config = ConfigDict(frozen=True)

    repository_id: str
    repository: str
    commit: str
    path: str
    language: str
    kind: str
    symbol: str
    start: int
    end: int
    #: Orders the hits that one worker gave, or that names gave; it means nothing beside that.
    score: float
    snippet: str
    #: The number of the snippet's first line.
    snippet_start: int
    #: By whom it was found.
    by: Literal["worker", "names"]

    @property
    def ref(self) -> str:
        """Where it stands, in one word: ``repository@commit:path:start-end``."""
        lines = f":{self.start}-{self.end}" if self.start else ""
        return f"{self.repository}@{self.commit}:{self.path}{lines}"


class Kept(BaseModel):
    """What workers answered in full, as it is remembered."""

    model_config = ConfigDict(frozen=True)

    hits: tuple[Hit, ...]
    ranker: str | None
    model: str | None


@dataclass(frozen=True, kw_only=True)
class Missing:
    """Repositories whose text could not be searched, and why."""

    #: Where their text lies; ``None``: where every worker reaches it.
    node: str | None
    repositories: tuple[str, ...]
    reason: Literal["home_missing", "not_answered"]
    #: What is the matter, as the beginning of a sentence.
    text: str


@dataclass(frozen=True, kw_only=True)
class Found:
    """An answer, best first."""

    hits: tuple[Hit, ...]
    source: Source
    ranker: str | None = None
    #: The model that embedded the question; ``None`` where words alone were compared.
    model: str | None = None
    degraded: Degraded | None = None
    #: Seconds until a loading model should be there.
    ready_in: float | None = None
    missing: tuple[Missing, ...] = ()
    #: Sentences for a person about what this answer lacks.
    notes: tuple[str, ...] = ()
    #: What was to be searched, as it is published.
    searched: tuple[Pointer, ...] = ()
    timings: Timings = field(default_factory=dict)
