"""The port to a vector store: what Pharos asks of one, and nothing more.

**What is visible.** A point is written under an attempt's generation ``g`` and carries ``until``, the first generation
that may not see it, at first ``g + 1``. A reader at generation ``r`` sees what has ``generation <= r < until``. An
attempt ``G`` that builds on the published generation ``P`` writes new and moved points, and *renews* those that it
keeps: their ``until`` rises to ``G + 1``. What it supersedes it does not touch: that runs out by itself.

**Why nobody can disturb what is visible.** Generations come from one sequence, a repository's jobs start one after
another, and only the newest attempt may publish; it learns ``P`` after it was started, when nobody else can. So of the
generations in ``P < x <= G`` none but ``G`` can ever be published, and by its own attempt alone. Whatever that attempt
does, in full, in part, twice, or an hour after it was given up for lost, changes who is seen at those generations and
at no other: its own points are seen at ``G`` only, and a renewal lets a point that is seen at ``P`` be seen up to ``G``
as well (``until`` only rises, so an old attempt takes nothing back from a newer one). Deletions spare the generation
that is visible when they are asked for, and all newer than the asking attempt; what is visible later is made of those.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, unquote

_NAMESPACE = uuid.UUID("6f1b2c1e-6f0e-5d0a-9a52-3f6f0c9d7b11")


def encode_path(path: str) -> str:
    """Return ``path`` percent-encoded (RFC 3986), so that a name that is not UTF-8 can be stored as text."""
    return quote(path, errors="surrogatepass")


def decode_path(stored: str) -> str:
    """Return the path that ``encode_path`` was given."""
    return unquote(stored, errors="surrogatepass")


@dataclass(frozen=True, kw_only=True)
class Point:
    """One vector and what it stands for. ``generation`` is that of the attempt that writes it."""

    tenant_id: str
    repository_id: str
    repository: str
    generation: int
    path: str
    language: str
    isolated: bool
    vector: Sequence[float]

    @property
    def id(self) -> str:
        """The same file in the same generation of a repository has the same id, however often it is written."""
        name = f"{self.tenant_id}\n{self.repository_id}\n{self.generation}\n{encode_path(self.path)}"
        return str(uuid.uuid5(_NAMESPACE, name))


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A stored point, the generation that wrote it, and its cosine with the query: 1 is the same direction."""

    repository_id: str
    path: str
    generation: int
    isolated: bool
    score: float


class VectorStore(Protocol):
    """A store of vectors by collection. Every method may be called twice with the same arguments to the same effect.

    All raise ``StoreUnavailable`` when the store does not answer or refuses to write.
    """

    def prepare(self, collection: str, *, dimension: int) -> None:
        """Make the collection and its indexes if they are missing; several processes may do so at once.

        Raises:
            ConfigurationError: the collection holds vectors of another dimension.
        """

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Write points that their own generation sees; one with a known id replaces what was there.

        Only the attempt whose generation they carry writes them, and only before it publishes.
        """

    def renew(
        self,
        collection: str,
        *,
        tenant_id: str,
        repository_id: str,
        published: int,
        generation: int,
        without: Collection[str] = (),
    ) -> None:
        """Let all that ``published`` sees be seen up to ``generation``, but the paths in ``without``.

        Nothing is taken from who sees it already; a missing collection has nothing to renew.
        """

    def nearest(
        self,
        collection: str,
        vector: Sequence[float],
        *,
        tenant_id: str,
        repository_id: str,
        generation: int,
        limit: int,
    ) -> list[Hit]:
        """Return the points that a published generation sees, nearest to ``vector`` by exact cosine, best first.

        An empty list when the collection is missing.
        """

    def count(self, collection: str, *, tenant_id: str, repository_id: str, generation: int | None = None) -> int:
        """Return how many points a generation of a repository sees, or how many there are; 0 without a collection."""

    def discard_below(
        self, collection: str, *, tenant_id: str, repository_id: str, generation: int, keep: int | None = None
    ) -> None:
        """Delete a repository's points written before ``generation`` that ``keep`` does not see; give back their space.

        What a backup still holds on to is given back by a later call; a missing collection has nothing to delete.
        """

    def close(self) -> None:
        """Let go of files and connections."""
