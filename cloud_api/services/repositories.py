"""What was learned, for those who ask; it answers while every worker sleeps."""

from __future__ import annotations

from typing import Literal, get_args
from uuid import UUID

from shared.errors import NotFound
from shared.jobs.payloads import LeftOut
from shared.ledger.repositories import File, Likeness, Reached, Repository, RepositoryReader

NO_SUCH_REPOSITORY = "There is no such repository, or its first index is not finished yet."

#: Why nothing is like a file. ``set_aside``: its flags say what it is, and such code gets no vector unless an ingest
#: includes it. ``isolated``: no import touches it. ``among_set_aside``: the imports that do lead to such code alone.
Unlike = Literal["set_aside", "isolated", "among_set_aside"]
_ASIDE = frozenset(get_args(LeftOut))


def why_unlike(file: File) -> Unlike:
    """Return why nothing is like a file for which nothing was found."""
    if not file.isolated and not _ASIDE.isdisjoint(file.flags):
        return "set_aside"
    return "among_set_aside" if file.importers or file.imports else "isolated"


class Repositories:
    """A tenant's own repositories."""

    def __init__(self, reader: RepositoryReader) -> None:
        self._reader = reader

    def page(self, *, tenant: UUID, after: str | None, limit: int) -> list[Repository]:
        """Return up to ``limit`` repositories whose name comes after ``after``."""
        return self._reader.page(tenant=tenant, after=after, limit=limit)

    def show(self, repository_id: str, *, tenant: UUID) -> Repository:
        """Return one repository.

        Raises:
            NotFound: there is none, or nothing of it is published yet.
        """
        found = self._reader.show(repository_id, tenant=tenant)
        if found is None:
            raise NotFound(NO_SUCH_REPOSITORY)
        return found

    def files(self, repository_id: str, *, tenant: UUID, after: int, limit: int) -> list[File]:
        """Return up to ``limit`` files with a number above ``after``. Raises ``NotFound`` as ``show`` does."""
        found = self._reader.files(repository_id, tenant=tenant, after=after, limit=limit)
        if not found:
            self.show(repository_id, tenant=tenant)
        return found

    def similar(self, repository_id: str, *, tenant: UUID, path: str, limit: int) -> tuple[File, list[Likeness]]:
        """Return a file and the files most like it, best first. Raises ``NotFound``."""
        file = self.file(repository_id, tenant=tenant, path=path)
        return file, self._reader.similar(repository_id, path, tenant=tenant, limit=limit)

    def dependents(self, repository_id: str, *, tenant: UUID, path: str, depth: int, limit: int) -> list[Reached]:
        """Return the files that import a file, within ``depth`` steps, nearest first. Raises ``NotFound``."""
        return self._reach(repository_id, tenant, path, depth, limit, backwards=True)

    def dependencies(self, repository_id: str, *, tenant: UUID, path: str, depth: int, limit: int) -> list[Reached]:
        """Return the files that a file imports, within ``depth`` steps, nearest first. Raises ``NotFound``."""
        return self._reach(repository_id, tenant, path, depth, limit, backwards=False)

    def _reach(
        self, repository_id: str, tenant: UUID, path: str, depth: int, limit: int, *, backwards: bool
    ) -> list[Reached]:
        found = self._reader.reachable(
            repository_id, path, tenant=tenant, backwards=backwards, depth=depth, limit=limit
        )
        if not found:
            self.file(repository_id, tenant=tenant, path=path)
        return found

    def file(self, repository_id: str, *, tenant: UUID, path: str) -> File:
        """Return one file by its path.

        Raises:
            NotFound: the repository is not there, or has no such file.
        """
        found = self._reader.file(repository_id, path, tenant=tenant)
        if found is None:
            self.show(repository_id, tenant=tenant)
            raise NotFound("That repository has no source file at this path. Paths are as git names them.")
        return found
