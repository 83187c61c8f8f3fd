"""What a change touches: files by how likely it is, tests among them first, and imports that it breaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from cloud_api.services.ranking import Affected, rank
from cloud_api.services.repositories import NO_SUCH_REPOSITORY
from shared.changes import Change, Status
from shared.errors import NotFound
from shared.ledger.graph import GraphReader, Import, Importers
from shared.paths import folder_of, subject_of

#: Files that may be changed at once.
MOST_CHANGES = 5_000
#: Importers that are told of all that is gone, and of one of these at most; how many there are is told besides.
_MOST_IMPORTERS = 5_000
_OF_ONE = 200
#: Candidates of each sort that are judged: so many at least, and so many for each file that is wanted.
_CANDIDATES = 150
_FOR_EACH = 2
#: Folders of changed files whose other files are candidates.
_FOLDERS = 200


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A module that is gone while files that are no part of the change import it."""

    path: str
    status: Status
    #: Where it is now, when it was renamed.
    now: str | None
    #: The first by path; ``importer_count`` has all.
    importers: tuple[Import, ...]
    importer_count: int
    #: Files that imported it and are part of the change: whether they still do cannot be seen here.
    changed_importers: int


@dataclass(frozen=True, kw_only=True)
class Impact:
    """What a change touches, by the graph of one commit."""

    commit: str
    #: Changed paths that the graph does not have: no sources, added since, or gone before.
    unknown: tuple[str, ...]
    breaking: tuple[Broken, ...]
    affected: tuple[Affected, ...]
    #: Whether there were so many candidates that some were not judged.
    truncated: bool


class Impacts:
    """Judges changes of a tenant's own repositories by their graphs."""

    def __init__(self, reader: GraphReader) -> None:
        self._reader = reader

    def of(self, repository_id: str, changes: Sequence[Change], *, tenant: UUID, depth: int, limit: int) -> Impact:
        """Return what ``changes`` touch within ``depth`` imports, ``limit`` files at most.

        Raises:
            NotFound: the repository is not there.
        """
        paths = sorted({path for change in changes for path in (change.path, change.before) if path is not None})
        gone = {path: change for change in changes if (path := change.gone) is not None}
        found = self._reader.change(
            repository_id,
            tenant=tenant,
            paths=paths,
            gone=sorted(gone),
            subjects=sorted({subject_of(path) for path in paths}),
            folders=sorted({folder_of(path) for path in paths})[:_FOLDERS],
            depth=depth,
            limit=max(_CANDIDATES, _FOR_EACH * limit),
            most=min(_OF_ONE, max(1, _MOST_IMPORTERS // max(1, len(gone)))),
        )
        if found is None:
            raise NotFound(NO_SUCH_REPOSITORY)
        known = {file.path for file in found.touched}
        return Impact(
            commit=found.commit,
            unknown=tuple(change.path for change in changes if change.path not in known and change.before not in known),
            breaking=tuple(_broken(importers, gone[importers.path]) for importers in found.importers),
            affected=tuple(rank(paths, found.touched, limit=limit)),
            truncated=found.more,
        )


def _broken(importers: Importers, change: Change) -> Broken:
    return Broken(
        path=importers.path,
        status=change.status,
        now=change.path if change.status == "renamed" else None,
        importers=importers.some,
        importer_count=importers.count,
        changed_importers=importers.changed,
    )
