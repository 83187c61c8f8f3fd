"""A comparison of two commits: what a worker is asked over its line, and what it answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.changes import Change, Status

Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
#: Git's paths have 4,096 bytes at most here, and one that is not UTF-8 is shown as four characters.
Path = Annotated[str, StringConstraints(min_length=1, max_length=4 * 4096, pattern=r"^[^\x00]*$")]


class _Word(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Comparison(_Word):
    """Two commits of one repository, and how many changed sources are wanted at most."""

    tenant_id: UUID
    repository: Annotated[str, StringConstraints(max_length=500)]
    url: Annotated[str, StringConstraints(max_length=2000)]
    base: Commit
    head: Commit
    most: int = Field(ge=1, le=100_000)
    #: How long somebody waits for it.
    seconds: float = Field(gt=0, le=600)


class Difference(_Word):
    """One file in which they differ; ``before`` is what a renamed one was called."""

    path: Path
    status: Status
    before: Path | None = None

    def change(self) -> Change:
        """Return it as everything else here takes it."""
        return Change(path=self.path, status=self.status, before=self.before)


class Compared(_Word):
    """Every source in which they differ."""

    changes: list[Difference]

    @classmethod
    def of(cls, changes: Iterable[Change]) -> Compared:
        """Return the word for ``changes``."""
        return cls(changes=[Difference(path=one.path, status=one.status, before=one.before) for one in changes])
