"""What is asked of a search, and what its answer shows."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from cloud_api.routes.views import RepositoryId, View
from cloud_api.services.search.answers import Degraded, Found, Hit, Source
from cloud_api.services.search.asking import Asked, filters, question
from cloud_api.services.search.merging import by_file
from shared.nodes.search import MOST_HITS, MOST_QUERY, Kind

#: How many repositories may be named.
MOST_NAMED = 50
#: Searched repositories that an answer lists.
_LISTED = 50
#: Hits that are asked for so that this many files come of one.
_A_FILE = 4

Query = Annotated[str, StringConstraints(min_length=1, max_length=MOST_QUERY, pattern=r"\S")]
Named = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Prefix = Annotated[str, StringConstraints(max_length=4_096)]
Language = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Most = Annotated[int, Field(ge=1, le=MOST_HITS)]
Group = Literal["none", "file"]


class SearchBody(BaseModel):
    """A question about the text of repositories."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    query: Query = Field(description="What to find: a sentence, words, or names.")
    repositories: Annotated[list[Named], Field(max_length=MOST_NAMED)] = Field(
        default=[], description="By id, by name, or by owner/name; none: all that have text."
    )
    path: Prefix = Field(default="", description="What the path begins with.")
    languages: Annotated[list[Language], Field(max_length=20)] = []
    kinds: Annotated[list[Kind], Field(max_length=6)] = []
    limit: Most = 10
    group: Group = Field(default="none", description="file: one hit a file, its best, with the places of its others.")

    def asked(self, *, tenant: UUID, milliseconds: int) -> Asked:
        """Return it as the service takes it; raises ``InvalidRequest`` where nothing is left of the question."""
        return Asked(
            tenant=tenant,
            query=question(self.query),
            repositories=tuple(self.repositories),
            filters=filters(path=self.path, languages=self.languages, kinds=self.kinds),
            limit=min(self.limit * _A_FILE, MOST_HITS) if self.group == "file" else self.limit,
            milliseconds=milliseconds,
        )


class PlaceView(View):
    """Where another hit of a file stands."""

    symbol: str
    start: int
    end: int


class HitView(View):
    """Lines of a file, from 1, both included; 0 where the name of a file alone was found."""

    repository_id: RepositoryId
    repository: str
    commit: str
    path: str
    language: str
    kind: str = Field(description="function, method, class, module, section or lines; file for a file's name alone.")
    symbol: str
    start: int
    end: int
    score: float = Field(description="Orders hits of one answer by the same worker, and means nothing beside that.")
    snippet: str = Field(description="Its first lines, or those around the words; empty where names alone are known.")
    snippet_start: int = Field(description="The number of the snippet's first line; 0 without one.")
    ref: str = Field(description="repository@commit:path:start-end")
    by: Literal["worker", "names"]
    also: list[PlaceView] = Field(default=[], description="With group=file, the file's other hits, best first.")


class MissingView(View):
    """Repositories whose text could not be searched."""

    node: str | None = Field(description="Where their text lies; null where every worker reaches it.")
    repositories: list[str]
    reason: Literal["home_missing", "not_answered"]
    text: str = Field(description="What is the matter, as the beginning of a sentence.")


class SearchedView(View):
    """The text of one repository, as it was searched."""

    repository_id: RepositoryId
    repository: str
    generation: int
    commit: str
    model: str = Field(description="The model whose vectors its index has.")
    home: str | None


class SearchView(View):
    """What was found, best first, and what the answer lacks."""

    hits: list[HitView]
    source: Source = Field(
        description="worker: searched just now. cache: before, in the generations that are published. stale: before, "
        "in earlier ones, since nothing better could be had. names: among paths and symbols alone."
    )
    degraded: Degraded | None = Field(description="Why the answer is less than it could be; null when it is whole.")
    ready_in: float | None = Field(description="Seconds until a loading model should be there.")
    notes: list[str] = Field(description="What the answer lacks, for a person.")
    missing: list[MissingView]
    ranker: str | None
    model: str | None = Field(description="What embedded the question; null where words alone were compared.")
    generations: list[SearchedView] = Field(description="What was searched, the first 50 by name.")
    repositories: int = Field(description="How many were searched.")
    timings: dict[str, float] = Field(description="Milliseconds by stage.")


def search_view(found: Found, *, limit: int, group: Group) -> SearchView:
    """Return an answer as it is shown."""
    grouped: list[tuple[Hit, list[Hit]]] = [(hit, []) for hit in found.hits[:limit]]
    if group == "file":
        grouped = by_file(found.hits, limit=limit)
    searched = sorted(found.searched, key=lambda one: one.repository)[:_LISTED]
    return SearchView(
        hits=[_hit(hit, also) for hit, also in grouped],
        source=found.source,
        degraded=found.degraded,
        ready_in=found.ready_in,
        notes=list(found.notes),
        missing=[MissingView.model_validate(one) for one in found.missing],
        ranker=found.ranker,
        model=found.model,
        generations=[SearchedView.model_validate(one) for one in searched],
        repositories=len(found.searched),
        timings={stage: round(length, 2) for stage, length in found.timings.items()},
    )


def server_timing(found: Found) -> str:
    """Return the timings as a header (W3C Server Timing)."""
    return ", ".join(f"{stage};dur={length:.1f}" for stage, length in found.timings.items())


def _hit(hit: Hit, also: list[Hit]) -> HitView:
    places = [PlaceView.model_validate(one) for one in also]
    return HitView(**hit.model_dump(), ref=hit.ref, also=places)
