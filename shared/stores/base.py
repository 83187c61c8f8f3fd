"""The port to a vector store: what Pharos asks of one, and nothing more."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
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
    """One vector and what it stands for."""

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
    """A stored point and its cosine with the query, 1 is the same direction."""

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
        """Write points; one with a known id replaces what was there."""

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
        """Return the points of one published generation nearest to ``vector`` by exact cosine, best first.

        An empty list when the collection is missing.
        """

    def count(self, collection: str, *, tenant_id: str, repository_id: str, generation: int | None = None) -> int:
        """Return how many points a repository has, in one generation or in all; 0 when the collection is missing."""

    def discard_below(
        self, collection: str, *, tenant_id: str, repository_id: str, generation: int, keep: int | None = None
    ) -> None:
        """Delete a repository's points of every generation before ``generation`` but ``keep``; give their space back.

        What a backup still holds on to is given back by a later call; a missing collection has nothing to delete.
        """

    def close(self) -> None:
        """Let go of files and connections."""
