"""What every store in a LanceDB folder does: open and make tables, write whole rows, show, renew, count and delete."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, TypeVar

import lancedb
import pyarrow as pa
from lancedb.expr import Expr, col, lit
from lancedb.index import Bitmap
from lancedb.table import Table
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from shared.errors import ConfigurationError, StoreUnavailable
from shared.logs import get_logger
from shared.stores.base import encode_path
from shared.stores.turn import turn

T = TypeVar("T")

log = get_logger("stores.lance")

#: Without a primary key, two processes that insert the same new ids at once both succeed (lancedb#3377). In the
#: schema, unlike by ``set_unenforced_primary_key``, it is there from the table's first version on.
_PRIMARY_KEY = {"lance-schema:unenforced-primary-key:position": "1"}
#: Files of versions older than this are removed: all but the newest. Zero means the same, and warns each time of what
#: ``_attempt`` answers: who still reads an older version starts again with the newest.
_KEPT = timedelta(milliseconds=1)
_ATTEMPTS = 12
#: Left to itself, it caches gigabytes of what it read about versions, and a worker lives for months.
_CACHED = 16 << 20
#: LanceDB tells its failures apart by their words alone.
_MISSING = re.compile(r"^Table '.*' was not found")
_EXISTS = re.compile(r"^Table '.*' already exists")
_TAGGED = re.compile(r"tagged version\(s\) have been marked for cleanup")
_OVERTAKEN = re.compile(r"(?i)conflict|concurrent|not found|no such file|column until already exists")
DRIVER_ERRORS = (OSError, RuntimeError, ValueError)


class LanceStore:
    """Collections are tables below one folder. Several processes of one machine may use them at the same time.

    Who sees which row: see ``shared.stores.base``.
    """

    #: What a store's rows have beside what all rows have.
    own_columns: ClassVar[tuple[pa.Field, ...]]

    def __init__(self, *, path: Path) -> None:
        self._path = path
        session = lancedb.Session(index_cache_size_bytes=_CACHED, metadata_cache_size_bytes=_CACHED)
        self._database = self._attempt(lambda: lancedb.connect(path, session=session))

    def prepare(self, collection: str, *, dimension: int) -> None:
        """Make the collection and its indexes if they are missing; see ``VectorStore.prepare``."""
        table = self._alone(collection, lambda: self._open(collection) or self._create(collection, dimension))
        held = table.schema.field("vector").type.list_size
        if held != dimension:
            raise ConfigurationError(
                f"The collection {collection} holds vectors of {held} numbers, not {dimension}. Nothing was changed; "
                "use another name for a collection of another dimension."
            )
        self._alone(collection, lambda: self._index(collection))

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
        kept = of_repository(tenant_id, repository_id) & seen_by(published) & (col("until") <= lit(generation))
        if without:
            kept = kept & ~col("path").isin([encode_path(path) for path in without])
        self._alone(collection, lambda: self._extend(collection, kept, generation + 1))

    def count(self, collection: str, *, tenant_id: str, repository_id: str, generation: int | None = None) -> int:
        """Return how many rows a generation of a repository sees, or how many there are; 0 without a collection."""
        wanted = of_repository(tenant_id, repository_id)
        if generation is not None:
            wanted = wanted & seen_by(generation)
        return self._attempt(lambda: self._count(collection, wanted))

    def discard_below(
        self, collection: str, *, tenant_id: str, repository_id: str, generation: int, keep: int | None = None
    ) -> None:
        """Delete rows written before ``generation`` that ``keep`` does not see; give their space back."""
        unwanted = of_repository(tenant_id, repository_id) & (col("generation") < lit(generation))
        if keep is not None:
            unwanted = unwanted & ~seen_by(keep)
        self._alone(collection, lambda: self._delete(collection, unwanted))
        self._alone(collection, lambda: self._compact(collection))

    def close(self) -> None:
        """Nothing is held between two calls."""

    def _open(self, collection: str) -> Table | None:
        try:
            return self._database.open_table(collection)
        except ValueError as error:
            if _MISSING.search(str(error)):
                return None
            raise

    def _create(self, collection: str, dimension: int) -> Table:
        try:
            return self._database.create_table(collection, schema=_schema(self.own_columns, dimension))
        except ValueError as error:
            if _EXISTS.search(str(error)):
                return self._database.open_table(collection)
            raise

    def _index(self, collection: str) -> None:
        table = self._database.open_table(collection)
        if not any(index.columns == ["repository_id"] for index in table.list_indices()):
            table.create_index("repository_id", config=Bitmap())

    def _write(self, collection: str, rows: Callable[[pa.Schema], pa.Table]) -> None:
        """Write rows in one commit, each in the place of the one with its id."""
        self._alone(collection, lambda: self._merge(collection, rows))

    def _merge(self, collection: str, rows: Callable[[pa.Schema], pa.Table]) -> None:
        table = self._open(collection)
        if table is None:
            raise StoreUnavailable(f"The collection {collection} is missing, so nothing was written; prepare it first.")
        table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all().execute(rows(table.schema))

    def _extend(self, collection: str, kept: Expr, until: int) -> None:
        table = self._open(collection)
        if table is not None:
            table.update(where=kept, values={"until": until})

    def _count(self, collection: str, wanted: Expr) -> int:
        table = self._open(collection)
        # Not count_rows: it wants SQL, and Expr.to_sql of lancedb 0.40 does not escape every quote.
        return 0 if table is None else table.search().where(wanted).select(["generation"]).to_arrow().num_rows

    def _delete(self, collection: str, unwanted: Expr) -> None:
        table = self._open(collection)
        if table is not None:
            table.delete(unwanted)

    def _compact(self, collection: str) -> None:
        table = self._open(collection)
        if table is None:
            return
        try:
            table.optimize(cleanup_older_than=_KEPT)
        except RuntimeError as error:
            if not _TAGGED.search(str(error)):
                raise
            log.info("vector_space_kept", collection=collection, reason="a backup holds an older version")

    def _alone(self, collection: str, operation: Callable[[], T]) -> T:
        """Do one operation that writes, while no other process writes to the same table.

        What others committed meanwhile is known from files that compaction removes. Left to LanceDB alone, two
        processes that wrote and compacted doubled rows and lost some, primary key or not.
        """

        def write() -> T:
            with turn(self._path / f".{collection}.lock"):
                return operation()

        return self._attempt(write)

    def _attempt(self, operation: Callable[[], T]) -> T:
        """Do one operation, again from the newest version when another process overtook it.

        Every operation opens the table anew and may be done twice, so starting again is always right.
        """
        again = Retrying(
            retry=retry_if_exception(_overtaken),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.05, max=2),
            reraise=True,
        )
        try:
            return again(operation)
        except DRIVER_ERRORS as error:
            raise StoreUnavailable(
                f"The vector store at {self._path} failed: {error}. Nothing that was published is lost; "
                "check the disk's space and permissions."
            ) from error


def of_repository(tenant_id: str, repository_id: str) -> Expr:
    """Return what the rows of one repository are."""
    # Given as it is, an expression reaches the engine as values that are never parsed as SQL.
    return (col("tenant_id") == lit(tenant_id)) & (col("repository_id") == lit(repository_id))


def seen_by(generation: int) -> Expr:
    """Return what the rows that a generation sees are."""
    return (col("generation") <= lit(generation)) & (col("until") > lit(generation))


def _overtaken(error: BaseException) -> bool:
    return isinstance(error, DRIVER_ERRORS) and bool(_OVERTAKEN.search(str(error)))


def _schema(own: Sequence[pa.Field], dimension: int) -> pa.Schema:
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False, metadata=_PRIMARY_KEY),
            pa.field("tenant_id", pa.string(), nullable=False),
            pa.field("repository_id", pa.string(), nullable=False),
            pa.field("repository", pa.string(), nullable=False),
            pa.field("generation", pa.int64(), nullable=False),
            pa.field("until", pa.int64(), nullable=False),
            pa.field("path", pa.string(), nullable=False),
            pa.field("language", pa.string(), nullable=False),
            *own,
            pa.field("vector", pa.list_(pa.float32(), dimension), nullable=False),
        ]
    )
