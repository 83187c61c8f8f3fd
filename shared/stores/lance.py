"""The vector store in a folder of this machine, by LanceDB."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from lancedb.expr import Expr
from lancedb.query import LanceVectorQueryBuilder
from lancedb.table import Table

from shared.logs import get_logger
from shared.stores.base import Hit, Point, decode_path, encode_path
from shared.stores.lance_table import LanceStore, of_repository, seen_by

log = get_logger("stores.lance")

_PAYLOAD = ["repository_id", "path", "generation", "isolated", "_distance"]


class LanceVectorStore(LanceStore):
    """Collections are tables below one folder. Several processes of one machine may use them at the same time."""

    own_columns = (pa.field("isolated", pa.bool_(), nullable=False),)

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Write points that their own generation sees; one with a known id replaces what was there."""
        rows = list({point.id: _row(point) for point in points}.values())
        if rows:
            self._write(collection, lambda schema: pa.Table.from_pylist(rows, schema=schema))

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
        wanted = of_repository(tenant_id, repository_id) & seen_by(generation)
        rows = self._attempt(lambda: self._search(collection, vector, wanted, limit))
        return [_hit(row) for row in rows]

    def _open(self, collection: str) -> Table | None:
        table = super()._open(collection)
        if table is None or "until" in table.schema.names:
            return table
        self._bring_up_to_date(collection, table)
        return self._database.open_table(collection)

    def _bring_up_to_date(self, collection: str, table: Table) -> None:
        """Let each point of a table without ``until`` be seen by its own generation alone, as it was until now."""
        log.warning("vector_table_migrated", collection=collection, rows=table.count_rows(), added="until")
        table.add_columns({"until": "generation + 1"})

    def _search(self, collection: str, vector: Sequence[float], wanted: Expr, limit: int) -> list[dict[str, object]]:
        table = self._open(collection)
        if table is None:
            return []
        query = LanceVectorQueryBuilder(table, list(vector), "vector").distance_type("cosine").bypass_vector_index()
        found: list[dict[str, object]] = query.where(wanted, prefilter=True).select(_PAYLOAD).limit(limit).to_list()
        return found


def _row(point: Point) -> dict[str, object]:
    return {
        "id": point.id,
        "tenant_id": point.tenant_id,
        "repository_id": point.repository_id,
        "repository": point.repository,
        "generation": point.generation,
        "until": point.generation + 1,
        "path": encode_path(point.path),
        "language": point.language,
        "isolated": point.isolated,
        "vector": list(point.vector),
    }


def _hit(row: dict[str, object]) -> Hit:
    return Hit(
        repository_id=str(row["repository_id"]),
        path=decode_path(str(row["path"])),
        generation=int(str(row["generation"])),
        isolated=bool(row["isolated"]),
        score=1.0 - float(str(row["_distance"])),
    )
