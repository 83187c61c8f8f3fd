"""The vector store on a Qdrant server, or by Qdrant's local engine in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

from qdrant_client.models import (
    Condition,
    FieldCondition,
    Filter,
    FilterSelector,
    HasIdCondition,
    IsEmptyCondition,
    Payload,
    PayloadField,
    PointStruct,
    Range,
    SearchParams,
)

from shared.logs import get_logger
from shared.stores.base import Hit, Point, decode_path, encode_path
from shared.stores.qdrant_collection import QdrantStore, of_repository, seen_by

log = get_logger("stores.qdrant")

#: Points that are brought up to date by one request.
_BATCH = 1000


class QdrantVectorStore(QdrantStore):
    """Collections of a server (``url`` begins with http) for any number of processes, or of a folder for one."""

    def __init__(self, *, url: str, api_key: str | None = None) -> None:
        #: Collections whose points were looked through for some of the old shape.
        self._current: set[str] = set()
        super().__init__(url=url, api_key=api_key)

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Write points that their own generation sees; one with a known id replaces what was there."""
        if not points:
            return
        with self._answering():
            self._client.upsert(collection, [_struct(point) for point in points], wait=True)

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
        """Return the points that one generation sees, nearest to ``vector`` by exact cosine, best first."""
        wanted = [*of_repository(tenant_id, repository_id), *seen_by(generation)]
        with self._answering():
            if not self._there(collection):
                return []
            found = self._client.query_points(
                collection,
                query=list(vector),
                query_filter=Filter(must=wanted),
                search_params=SearchParams(exact=True) if self._server else None,
                limit=limit,
                with_payload=True,
            )
        return [_hit(point.payload or {}, point.score) for point in found.points]

    def _there(self, collection: str) -> bool:
        """Return whether there is such a collection; the first time, its points are brought up to date."""
        if not super()._there(collection):
            return False
        if collection not in self._current:
            self._bring_up_to_date(collection)
            self._current.add(collection)
        return True

    def _bring_up_to_date(self, collection: str) -> None:
        """Let each point without ``until`` be seen by its own generation alone, as it was until now."""
        outdated: list[Condition] = [
            IsEmptyCondition(is_empty=PayloadField(key="until")),
            FieldCondition(key="generation", range=Range(gte=0)),
        ]
        while True:
            found, _ = self._client.scroll(collection, Filter(must=outdated), limit=_BATCH, with_payload=["generation"])
            if not found:
                return
            log.warning("vector_points_migrated", collection=collection, points=len(found), added="until")
            written = sorted(((point.payload or {})["generation"], point.id) for point in found)
            for generation, points in groupby(written, key=itemgetter(0)):
                # Still without one: another process may have been here, and have renewed them since.
                mine = Filter(must=[*outdated, HasIdCondition(has_id=[number for _, number in points])])
                self._client.set_payload(collection, {"until": generation + 1}, FilterSelector(filter=mine), wait=True)


def _struct(point: Point) -> PointStruct:
    payload = {
        "tenant_id": point.tenant_id,
        "repository_id": point.repository_id,
        "repository": point.repository,
        "generation": point.generation,
        "until": point.generation + 1,
        "path": encode_path(point.path),
        "language": point.language,
        "isolated": point.isolated,
    }
    return PointStruct(id=point.id, vector=list(point.vector), payload=payload)


def _hit(payload: Payload, score: float) -> Hit:
    return Hit(
        repository_id=str(payload["repository_id"]),
        path=decode_path(str(payload["path"])),
        generation=int(payload["generation"]),
        isolated=bool(payload["isolated"]),
        score=score,
    )
