"""What one generation sees of a LanceDB table, in order, and the same to the last row while others write."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from lancedb.expr import Expr
from lancedb.table import Table
from numpy.typing import NDArray

from shared.stores.base import decode_path
from shared.stores.lance_table import DRIVER_ERRORS
from shared.stores.passage_rows import gone

_ORDER = ["path", "start", "end", "id"]


class Sight:
    """The passages of one generation by path, line and id.

    A table that is open stays at its version, so all is read from one; when another process has removed that version's
    files, the newest one is opened, which shows the same passages or is refused.
    """

    def __init__(self, table: Table, *, collection: str, open_table: Callable[[], Table | None], wanted: Expr) -> None:
        self._collection = collection
        self._open_table = open_table
        self._wanted = wanted
        self._table = table
        self._ids, self._rows = _look(table, wanted)

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        size: int = self._table.schema.field("vector").type.list_size
        return size

    def take(self, start: int, stop: int, columns: list[str]) -> pa.Table:
        """Return the passages from ``start`` to before ``stop``, in order. What failed may be done again.

        Raises:
            StoreUnavailable: the newest version has not the passages that were there.
        """
        wanted = self._rows[start:stop]
        try:
            found = self._table.take_row_ids(wanted.tolist()).select([*columns, "_rowid"]).to_arrow()
        except DRIVER_ERRORS:
            self._look_again()
            raise
        # They come in any order.
        return found.take(pc.index_in(pa.array(wanted), value_set=found["_rowid"].combine_chunks()))

    def _look_again(self) -> None:
        table = self._open_table()
        if table is None:
            raise gone(self._collection)
        ids, rows = _look(table, self._wanted)
        if not ids.equals(self._ids):
            raise gone(self._collection)
        self._table, self._rows = table, rows


def _look(table: Table, wanted: Expr) -> tuple[pa.Array, NDArray[np.uint64]]:
    """Return the ids and the row numbers of what is wanted, in order."""
    keys = table.search().where(wanted).select(_ORDER).with_row_id(True).to_arrow()
    keys = keys.set_column(keys.schema.get_field_index("path"), "path", pa.array(_ranks(keys["path"])))
    keys = keys.take(pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in _ORDER]))
    return keys["id"].combine_chunks(), keys["_rowid"].to_numpy()


def _ranks(paths: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return where each path stands among all, by its real name and not by what it is stored as."""
    encoded = paths.combine_chunks().dictionary_encode()
    names = [decode_path(path) for path in encoded.dictionary.to_pylist()]
    ranks = np.empty(len(names), dtype=np.int64)
    ranks[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    found: NDArray[np.int64] = ranks[encoded.indices.to_numpy()]
    return found
