"""What every store in Qdrant does: open and make collections, renew, count and delete, and tell what failed."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from urllib.parse import urlsplit

from qdrant_client import QdrantClient
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse
from qdrant_client.models import (
    Condition,
    Distance,
    FieldCondition,
    Filter,
    FilterSelector,
    IntegerIndexParams,
    IntegerIndexType,
    KeywordIndexParams,
    KeywordIndexType,
    MatchAny,
    MatchValue,
    Range,
    VectorParams,
)

from shared.errors import ConfigurationError, StoreUnavailable
from shared.stores.base import encode_path

#: Seconds that one request may take.
_TIMEOUT = 10
_DRIVER_ERRORS = (ApiException, QdrantException, OSError, RuntimeError, ValueError, sqlite3.Error)
_INDEXES: dict[str, KeywordIndexParams | IntegerIndexParams] = {
    "tenant_id": KeywordIndexParams(type=KeywordIndexType.KEYWORD, is_tenant=True),
    "repository_id": KeywordIndexParams(type=KeywordIndexType.KEYWORD),
    "generation": IntegerIndexParams(type=IntegerIndexType.INTEGER, lookup=True, range=True),
    "until": IntegerIndexParams(type=IntegerIndexType.INTEGER, lookup=False, range=True),
}


class QdrantStore:
    """Collections of a server (``url`` begins with http) for any number of processes, or of a folder for one."""

    def __init__(self, *, url: str, api_key: str | None = None) -> None:
        self._server = url.startswith(("http://", "https://"))
        self._place = (urlsplit(url).hostname or "") if self._server else url
        # The local engine keeps arrays and one SQLite connection without any lock.
        self._turn: AbstractContextManager[object] = nullcontext() if self._server else threading.RLock()
        with self._answering():
            self._client = (
                QdrantClient(url=url, api_key=api_key, timeout=_TIMEOUT, check_compatibility=False)
                if self._server
                else QdrantClient(path=url)
            )

    def prepare(self, collection: str, *, dimension: int) -> None:
        """Make the collection and its indexes if they are missing; see ``VectorStore.prepare``."""
        with self._answering():
            if not self._client.collection_exists(collection):
                self._create(collection, dimension)
            held = self._client.get_collection(collection).config.params.vectors
        if not isinstance(held, VectorParams) or (held.size, held.distance) != (dimension, Distance.COSINE):
            raise ConfigurationError(
                f"The collection {collection} holds vectors of {getattr(held, 'size', 'several')} numbers, not "
                f"{dimension} compared by cosine. Nothing was changed; use another name for another kind of vector."
            )
        if self._server:
            self._index(collection)
        with self._answering():
            self._there(collection)

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
        """Let all that ``published`` sees be seen up to ``generation``, but the paths in ``without``."""
        left = [encode_path(path) for path in without]
        kept = Filter(
            must=[
                *of_repository(tenant_id, repository_id),
                *seen_by(published),
                FieldCondition(key="until", range=Range(lte=generation)),
            ],
            must_not=[FieldCondition(key="path", match=MatchAny(any=left))] if left else None,
        )
        with self._answering():
            if self._there(collection):
                self._client.set_payload(collection, {"until": generation + 1}, FilterSelector(filter=kept), wait=True)

    def count(self, collection: str, *, tenant_id: str, repository_id: str, generation: int | None = None) -> int:
        """Return how many points a generation of a repository sees, or how many there are; 0 without a collection."""
        wanted = of_repository(tenant_id, repository_id)
        if generation is not None:
            wanted += seen_by(generation)
        with self._answering():
            if not self._there(collection):
                return 0
            return self._client.count(collection, count_filter=Filter(must=wanted), exact=True).count

    def discard_below(
        self, collection: str, *, tenant_id: str, repository_id: str, generation: int, keep: int | None = None
    ) -> None:
        """Delete a repository's points written before ``generation`` that ``keep`` does not see.

        A server gives the space back by itself; the local engine's files keep it for what is written next.
        """
        older = FieldCondition(key="generation", range=Range(lt=generation))
        kept = None if keep is None else Filter(must=seen_by(keep))
        unwanted = Filter(must=[*of_repository(tenant_id, repository_id), older], must_not=kept)
        with self._answering():
            if self._there(collection):
                self._client.delete(collection, FilterSelector(filter=unwanted), wait=True)

    def close(self) -> None:
        """Let go of the connection, or of the folder's lock."""
        with self._answering():
            self._client.close()

    def _vectors(self, dimension: int) -> VectorParams:
        """Return how a new collection keeps its vectors; they are compared by cosine."""
        return VectorParams(size=dimension, distance=Distance.COSINE)

    def _create(self, collection: str, dimension: int) -> None:
        try:
            self._client.create_collection(collection, vectors_config=self._vectors(dimension))
        except UnexpectedResponse:
            # Another process may have made it since we looked; whether it fits is checked by the caller.
            if not self._client.collection_exists(collection):
                raise

    def _there(self, collection: str) -> bool:
        """Return whether there is such a collection, and have it as this store keeps it."""
        return self._client.collection_exists(collection)

    def _index(self, collection: str) -> None:
        with self._answering():
            for field, params in _INDEXES.items():
                self._client.create_payload_index(collection, field, field_schema=params, wait=True)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            with self._turn:
                yield
        except _DRIVER_ERRORS as error:
            raise StoreUnavailable(
                f"The vector store Qdrant at {self._place} {_failure(error)}. Nothing that was published is lost; "
                "check that it runs, is reachable and accepts the API key."
            ) from error


def _failure(error: Exception) -> str:
    if isinstance(error, UnexpectedResponse):
        return f"answered with status {error.status_code}"
    return f"failed: {getattr(error, 'source', error)}"


def seen_by(generation: int) -> list[Condition]:
    """Return what the points that a generation sees are."""
    return [
        FieldCondition(key="generation", range=Range(lte=generation)),
        FieldCondition(key="until", range=Range(gt=generation)),
    ]


def of_repository(tenant_id: str, repository_id: str) -> list[Condition]:
    """Return what the points of one repository are."""
    return [_equals("tenant_id", tenant_id), _equals("repository_id", repository_id)]


def _equals(field: str, value: str | int) -> FieldCondition:
    return FieldCondition(key=field, match=MatchValue(value=value))
