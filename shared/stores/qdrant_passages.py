"""The store of passages on a Qdrant server, or by Qdrant's local engine in a folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from qdrant_client.models import Distance, Filter, HnswConfigDiff, Payload, PointStruct, Record, VectorParams

from shared.stores.base import decode_path, encode_path
from shared.stores.passage_rows import COLLECTION_PREFIX, gone, storable
from shared.stores.passages import Held, Passage, Place, Stored
from shared.stores.qdrant_collection import QdrantStore, of_repository, seen_by

#: Passages that one request reads whole, and those that one looks at by their names.
_READ = 256
_LOOKED_AT = 10_000
#: Bytes of one request that writes, nearly; a server takes no more than 32 MiB.
_WRITTEN = 8 << 20
#: What one number takes as JSON, with its comma.
_NUMBER = 22
_ORDER = ["path", "start", "end"]


class QdrantPassageStore(QdrantStore):
    """Collections of a server (``url`` begins with http) for any number of processes, or of a folder for one."""

    def upsert(self, collection: str, passages: Sequence[Passage]) -> None:
        """Write passages that their own generation sees; one with a known id replaces what was there."""
        for parcel in _parcels(passages):
            with self._answering():
                self._client.upsert(collection, [_struct(passage) for passage in parcel], wait=True)

    def held(self, collection: str, *, tenant_id: str, repository_id: str, generation: int) -> dict[str, Held]:
        """Return what a generation sees, by path; empty without a collection."""
        wanted = Filter(must=[*of_repository(tenant_id, repository_id), *seen_by(generation)])
        seen = self._look(collection, wanted, ["path", "blob"])
        files = Counter((payload["path"], payload["blob"]) for payload in map(_payload, seen))
        return {decode_path(path): Held(blob=blob, passages=count) for (path, blob), count in files.items()}

    def read(self, collection: str, *, tenant_id: str, repository_id: str, generation: int) -> Iterator[Stored]:
        """Yield all passages that a generation sees, in batches, by path and line; none without a collection."""
        wanted = Filter(must=[*of_repository(tenant_id, repository_id), *seen_by(generation)])
        ids = [record.id for record in sorted(self._look(collection, wanted, _ORDER), key=_line)]
        for start in range(0, len(ids), _READ):
            asked = ids[start : start + _READ]
            with self._answering():
                found = self._client.retrieve(collection, asked, with_payload=True, with_vectors=True)
            # They come in any order.
            records = {record.id: record for record in found}
            if len(records) < len(asked):
                raise gone(collection)
            yield _stored([records[number] for number in asked])

    def collections(self) -> list[str]:
        """Return the names of all collections of passages, in order."""
        with self._answering():
            names = [collection.name for collection in self._client.get_collections().collections]
        return sorted(name for name in names if name.startswith(COLLECTION_PREFIX))

    def _vectors(self, dimension: int) -> VectorParams:
        # They are searched where they are read to: here, a graph between them would be built for nobody.
        return VectorParams(size=dimension, distance=Distance.COSINE, on_disk=True, hnsw_config=HnswConfigDiff(m=0))

    def _look(self, collection: str, wanted: Filter, fields: list[str]) -> list[Record]:
        """Return all points of one generation, with some fields.

        Raises:
            StoreUnavailable: some were deleted meanwhile; it is not that published generation's any longer.
        """
        with self._answering():
            if not self._there(collection):
                return []
            seen = list(self._pages(collection, wanted, fields))
            left = self._client.count(collection, count_filter=wanted, exact=True).count
        if left < len(seen):
            raise gone(collection)
        return seen

    def _pages(self, collection: str, wanted: Filter, fields: list[str]) -> Iterator[Record]:
        offset = None
        while True:
            found, offset = self._client.scroll(
                collection, wanted, limit=_LOOKED_AT, offset=offset, with_payload=fields
            )
            yield from found
            if offset is None:
                return


def _parcels(passages: Sequence[Passage]) -> Iterator[list[Passage]]:
    parcel: list[Passage] = []
    size = 0
    for passage in passages:
        size += _NUMBER * passage.vector.size + len(passage.text) + len(passage.words)
        parcel.append(passage)
        if size >= _WRITTEN:
            yield parcel
            parcel, size = [], 0
    if parcel:
        yield parcel


def _struct(passage: Passage) -> PointStruct:
    place = passage.place
    payload = {
        "tenant_id": passage.tenant_id,
        "repository_id": passage.repository_id,
        "repository": passage.repository,
        "generation": passage.generation,
        "until": passage.generation + 1,
        "chunk": passage.chunk,
        "blob": passage.blob,
        "path": encode_path(place.path),
        "language": place.language,
        "kind": place.kind,
        "symbol": storable(place.symbol),
        "start": place.start,
        "end": place.end,
        "text": storable(passage.text),
        "words": storable(passage.words),
    }
    return PointStruct(id=passage.id, vector=passage.vector.tolist(), payload=payload)


def _stored(records: Sequence[Record]) -> Stored:
    payloads = [_payload(record) for record in records]
    return Stored(
        chunks=[payload["chunk"] for payload in payloads],
        places=[_place(payload) for payload in payloads],
        texts=[payload["text"] for payload in payloads],
        words=[payload["words"] for payload in payloads],
        vectors=np.array([record.vector for record in records], dtype=np.float32),
    )


def _place(payload: Payload) -> Place:
    return Place(
        path=decode_path(payload["path"]),
        language=payload["language"],
        kind=payload["kind"],
        symbol=payload["symbol"],
        start=payload["start"],
        end=payload["end"],
    )


def _line(record: Record) -> tuple[str, int, int, str]:
    payload = _payload(record)
    return decode_path(payload["path"]), payload["start"], payload["end"], str(record.id)


def _payload(record: Record) -> dict[str, Any]:
    return record.payload or {}
