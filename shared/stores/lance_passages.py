"""The store of passages in a folder of this machine, by LanceDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
from lancedb.expr import Expr

from shared.stores.base import decode_path, encode_path
from shared.stores.lance_sight import Sight
from shared.stores.lance_table import LanceStore, of_repository, seen_by
from shared.stores.passage_rows import COLLECTION_PREFIX, passages_at_once, storable
from shared.stores.passages import Held, Passage, Place, Stored, Vectors

_READ = ["chunk", "path", "language", "kind", "symbol", "start", "end", "text", "words", "vector"]


class LancePassageStore(LanceStore):
    """Collections are tables below one folder. Several processes of one machine may use them at the same time."""

    own_columns = (
        *(pa.field(name, pa.string(), nullable=False) for name in ("chunk", "blob", "kind", "symbol")),
        *(pa.field(name, pa.int32(), nullable=False) for name in ("start", "end")),
        *(pa.field(name, pa.string(), nullable=False) for name in ("text", "words")),
    )

    def upsert(self, collection: str, passages: Sequence[Passage]) -> None:
        """Write passages that their own generation sees, in one commit; one with a known id replaces what was there."""
        written = {passage.id: passage for passage in passages}
        if written:
            self._write(collection, lambda schema: _rows(written, schema))

    def held(self, collection: str, *, tenant_id: str, repository_id: str, generation: int) -> dict[str, Held]:
        """Return what a generation sees, by path; empty without a collection."""
        wanted = of_repository(tenant_id, repository_id) & seen_by(generation)
        found = self._attempt(lambda: self._held(collection, wanted))
        return {decode_path(path): Held(blob=blob, passages=count) for path, blob, count in found}

    def read(self, collection: str, *, tenant_id: str, repository_id: str, generation: int) -> Iterator[Stored]:
        """Yield all passages that a generation sees, in batches, by path and line; none without a collection."""
        wanted = of_repository(tenant_id, repository_id) & seen_by(generation)
        sight = self._attempt(lambda: self._sight(collection, wanted))
        if sight is not None:
            step = passages_at_once(sight.dimension)
            for start in range(0, len(sight), step):
                yield _stored(self._attempt(partial(sight.take, start, start + step, _READ)))

    def collections(self) -> list[str]:
        """Return the names of all collections of passages, in order."""
        return self._attempt(lambda: [name for name in sorted(self._names()) if name.startswith(COLLECTION_PREFIX)])

    def _held(self, collection: str, wanted: Expr) -> Iterator[tuple[str, str, int]]:
        table = self._open(collection)
        if table is None:
            return iter(())
        rows = table.search().where(wanted).select(["path", "blob"]).to_arrow()
        files = rows.group_by(["path", "blob"]).aggregate([([], "count_all")])
        return zip(*(files[name].to_pylist() for name in ("path", "blob", "count_all")), strict=True)

    def _sight(self, collection: str, wanted: Expr) -> Sight | None:
        opened = partial(self._open, collection)
        table = opened()
        return None if table is None else Sight(table, collection=collection, open_table=opened, wanted=wanted)

    def _names(self) -> Iterator[str]:
        token: str | None = None
        while True:
            page = self._database.list_tables(page_token=token)
            yield from page.tables
            token = page.page_token
            if not token:
                return


def _rows(written: dict[str, Passage], schema: pa.Schema) -> pa.Table:
    passages = list(written.values())
    columns = {
        "id": list(written),
        "tenant_id": [passage.tenant_id for passage in passages],
        "repository_id": [passage.repository_id for passage in passages],
        "repository": [passage.repository for passage in passages],
        "generation": [passage.generation for passage in passages],
        "until": [passage.generation + 1 for passage in passages],
        "path": [encode_path(passage.place.path) for passage in passages],
        "language": [passage.place.language for passage in passages],
        "chunk": [passage.chunk for passage in passages],
        "blob": [passage.blob for passage in passages],
        "kind": [passage.place.kind for passage in passages],
        "symbol": [storable(passage.place.symbol) for passage in passages],
        "start": [passage.place.start for passage in passages],
        "end": [passage.place.end for passage in passages],
        "text": [storable(passage.text) for passage in passages],
        "words": [storable(passage.words) for passage in passages],
    }
    vectors = np.stack([passage.vector for passage in passages]).astype(np.float32, copy=False)
    matrix = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), type=schema.field("vector").type)
    return pa.table({**columns, "vector": matrix}).select(schema.names).cast(schema)


def _stored(rows: pa.Table) -> Stored:
    paths = _unpacked(rows["path"], decode_path)
    languages, kinds, symbols = (_unpacked(rows[name], str) for name in ("language", "kind", "symbol"))
    lines = zip(rows["start"].to_pylist(), rows["end"].to_pylist(), strict=True)
    places = [
        Place(path=path, language=language, kind=kind, symbol=symbol, start=start, end=end)
        for path, language, kind, symbol, (start, end) in zip(paths, languages, kinds, symbols, lines, strict=True)
    ]
    return Stored(
        chunks=rows["chunk"].to_pylist(),
        places=places,
        texts=rows["text"].to_pylist(),
        words=rows["words"].to_pylist(),
        vectors=_matrix(rows["vector"]),
    )


def _unpacked(column: pa.ChunkedArray, shown: Callable[[str], str]) -> list[str]:
    """Return a column in which much is the same, each value made once."""
    encoded = column.combine_chunks().dictionary_encode()
    values = [shown(value) for value in encoded.dictionary.to_pylist()]
    return [values[number] for number in encoded.indices.to_pylist()]


def _matrix(column: pa.ChunkedArray) -> Vectors:
    rows = column.combine_chunks()
    numbers: Vectors = rows.flatten().to_numpy(zero_copy_only=True)
    return numbers.reshape(len(rows), -1)
