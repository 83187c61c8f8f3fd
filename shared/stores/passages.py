"""The port to a store of passages: pieces of text with their vectors, as search reads them.

Visibility is that of ``shared.stores.base``: a passage is written under an attempt's generation, carries the first
generation that may not see it, and is renewed by the attempts that keep it; the argument given there holds here, with
the generation of the published text in place of that of the published graph.

A passage belongs to the very contents of its file (``blob``): what a new commit did not change is renewed by its path,
and neither read, cut nor embedded again.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shared.stores.base import encode_path

_NAMESPACE = uuid.UUID("0d6f2d5e-3f0b-5c57-9a8e-5b1c6b1f7a42")

Vectors = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a passage stands: lines ``start`` to ``end``, from 1, both included."""

    path: str
    language: str
    #: ``function``, ``method``, ``class``, ``module``, ``section`` or ``lines``.
    kind: str
    #: Dotted within its file, or the headings above a section; empty for what has no name.
    symbol: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Passage:
    """One piece of text to be written. ``chunk`` names it within its file; ``blob`` names the file's contents."""

    tenant_id: str
    repository_id: str
    repository: str
    generation: int
    chunk: str
    blob: str
    place: Place
    #: Words before the text, for embedding and for word search alone.
    header: str
    #: The file's own lines.
    text: str
    #: The search words of header and text (``shared.words.words``), separated by blanks.
    words: str
    #: ``(dimension,)``, of length 1.
    vector: Vectors

    @property
    def id(self) -> str:
        """The same chunk in the same generation of a repository has the same id, however often it is written."""
        path = encode_path(self.place.path)
        name = f"{self.tenant_id}\n{self.repository_id}\n{self.generation}\n{path}\n{self.chunk}"
        return str(uuid.uuid5(_NAMESPACE, name))


@dataclass(frozen=True, kw_only=True, eq=False)
class Stored:
    """A batch of passages as they are read back; ``vectors`` is (passages, dimension), row by row the same order."""

    chunks: Sequence[str]
    places: Sequence[Place]
    texts: Sequence[str]
    words: Sequence[str]
    vectors: Vectors


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a generation sees of one file: the contents that its passages were cut from, and how many there are."""

    blob: str
    passages: int


class PassageStore(Protocol):
    """A store of passages by collection. Every method may be called twice with the same arguments to the same effect.

    All raise ``StoreUnavailable`` when the store does not answer or refuses to write.
    """

    def prepare(self, collection: str, *, dimension: int) -> None:
        """Make the collection and its indexes if they are missing; several processes may do so at once.

        Raises:
            ConfigurationError: the collection holds vectors of another dimension.
        """

    def upsert(self, collection: str, passages: Sequence[Passage]) -> None:
        """Write passages that their own generation sees; one with a known id replaces what was there.

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
        """Let all that ``published`` sees be seen up to ``generation``, but those of the paths in ``without``.

        Nothing is taken from who sees it already; a missing collection has nothing to renew.
        """

    def held(self, collection: str, *, tenant_id: str, repository_id: str, generation: int) -> dict[str, Held]:
        """Return what a generation sees, by path; empty without a collection."""

    def read(self, collection: str, *, tenant_id: str, repository_id: str, generation: int) -> Iterator[Stored]:
        """Yield all passages that a generation sees, in batches, by path and line; none without a collection."""

    def count(self, collection: str, *, tenant_id: str, repository_id: str, generation: int | None = None) -> int:
        """Return how many passages a generation of a repository sees, or how many there are; 0 without a collection."""

    def collections(self) -> list[str]:
        """Return the names of all collections of passages, in order."""

    def discard_below(
        self, collection: str, *, tenant_id: str, repository_id: str, generation: int, keep: int | None = None
    ) -> None:
        """Delete a repository's passages written before ``generation`` that ``keep`` does not see; free their space.

        What a backup still holds on to is given back by a later call; a missing collection has nothing to delete.
        """

    def close(self) -> None:
        """Let go of files and connections."""
