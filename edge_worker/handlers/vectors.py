"""Writing vectors: in batches of a hundred, tried again, and counted before anything is published."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from edge_worker.handlers.base import Reporter
from shared.errors import StoreUnavailable
from shared.stores.base import Point, VectorStore

BATCH = 100
_TRIES = 4


def write_points(
    store: VectorStore, collection: str, points: Sequence[Point], *, dimension: int, reporter: Reporter
) -> None:
    """Write the points of one generation; a batch that fails is tried again three times with back-off.

    Raises:
        StoreUnavailable: the store did not take them, or holds another number than were written.
    """
    again = Retrying(
        retry=retry_if_exception_type(StoreUnavailable),
        stop=stop_after_attempt(_TRIES),
        wait=wait_random_exponential(multiplier=0.5, max=10),
        reraise=True,
    )
    again(store.prepare, collection, dimension=dimension)
    rest = iter(points)
    written = 0
    while batch := list(islice(rest, BATCH)):
        again(store.upsert, collection, batch)
        written += len(batch)
        reporter.stage("store", written, len(points))
    _count(store, collection, points)


def _count(store: VectorStore, collection: str, points: Sequence[Point]) -> None:
    one = points[0]
    there = store.count(collection, tenant_id=one.tenant_id, repository_id=one.repository_id, generation=one.generation)
    if there != len(points):
        raise StoreUnavailable(
            f"The vector store holds {there} of {len(points)} vectors. Nothing was published.",
            expected=len(points),
            found=there,
        )
