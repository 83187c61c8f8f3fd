"""What answers show of graphs, and what is asked about a change."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cloud_api.routes.views import View
from cloud_api.services.impact import MOST_CHANGES
from shared.changes import Change, Status
from shared.nodes.comparison import Commit, Path


class ImportView(View):
    """File ``source`` imports file ``target``."""

    source: str
    target: str
    kinds: list[str] = Field(description="How: runtime, type-only, conditional, nested, re-export and others.")
    line: int = Field(description="The first line on which it does.")
    confidence: float = Field(description="1 for a rule of the language, less for a guess from evidence.")


class WayView(View):
    """One way from a file to another: imports, each of which begins where the one before ends."""

    steps: list[ImportView]


class CycleView(View):
    """Files of which each reaches each other by imports, and edges without which none does."""

    number: int
    size: int = Field(description="How many files it has.")
    files: list[str] = Field(description="Their paths, the first 200 by number.")
    cut: list[ImportView] = Field(description="Imports to give up so that no cycle is left; the first 200.")
    cut_size: int = Field(description="How many imports the cut has.")
    at_least: int = Field(description="No cut has fewer imports: where this is cut_size, the cut is the smallest.")


class CommunityView(View):
    """Files that import each other more than others."""

    number: int
    size: int
    inside: int = Field(description="Imports between its files.")
    across: int = Field(description="Imports from or to other communities.")
    leaders: list[str] = Field(description="Its files of the highest rank.")


class UnresolvedView(View):
    """An import that means something of the repository which is not there, as the file wrote it."""

    path: str
    line: int
    module: str


class ChangeBody(BaseModel):
    """One changed file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path
    status: Status = "modified"
    before: Path | None = Field(default=None, description="What a renamed file was called.")

    def change(self) -> Change:
        """Return it as the service takes it."""
        return Change(path=self.path, status=self.status, before=self.before)


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    depth: Annotated[int, Field(ge=1, le=10, description="How many imports away at most.")] = 3
    limit: Annotated[int, Field(ge=1, le=500, description="How many files at most.")] = 50


class ChangesBody(_Asked):
    """A change by its files."""

    changes: Annotated[list[ChangeBody], Field(min_length=1, max_length=MOST_CHANGES)]


class CommitsBody(_Asked):
    """A change by two commits, which a worker compares; they must be whole hashes."""

    base: Commit
    head: Commit
    seconds: Annotated[float, Field(ge=1, le=300, description="How long a worker may take to fetch them.")] = 60


class AffectedView(View):
    """A file that the change probably touches."""

    path: str
    language: str
    test: bool
    score: float = Field(description="Orders this answer, and means nothing beside that.")
    distance: int | None = Field(description="Imports from it to the nearest changed file; null when far or none.")
    reasons: list[str] = Field(description="What speaks for it, the strongest first.")


class BrokenView(View):
    """A module that is gone while files that are no part of the change import it."""

    path: str
    status: Literal["removed", "renamed"]
    now: str | None = Field(description="Where it is now, when it was renamed.")
    importers: list[ImportView] = Field(description="Imports of it from outside the change, the first by path.")
    importer_count: int = Field(description="How many there are: 200 at most are listed, fewer of many modules.")
    changed_importers: int = Field(description="Importers that are part of the change; whether they still do is open.")


class ImpactView(View):
    """What a change touches, by the graph of one commit."""

    commit: str = Field(description="The commit whose graph was asked: the one that was indexed last.")
    unknown: list[str] = Field(description="Changed paths that the graph does not have.")
    breaking: list[BrokenView]
    affected: list[AffectedView] = Field(description="Tests first, then the others, each by how likely it is.")
    truncated: bool = Field(description="Whether so many files may be touched that some of them were not judged.")
