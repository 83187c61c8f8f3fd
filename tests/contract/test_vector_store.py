"""What every vector store promises, and what each adapter promises beside it."""

from __future__ import annotations

import multiprocessing
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import lancedb
import numpy as np
import pytest
from openers import KINDS, LANCE, QDRANT, opened
from vector_world import (
    COLLECTION,
    MINE,
    OTHER_REPOSITORY,
    OTHER_TENANT,
    PUBLISHED,
    REPOSITORY,
    TENANT,
    a_point,
    paths,
)

from shared.errors import ConfigurationError, StoreUnavailable
from shared.stores.base import VectorStore
from shared.stores.qdrant import QdrantVectorStore

ODD_PATHS = [
    'it\'s "quoted" `here`\\.py',
    "line\nbreak\r\t.py",
    "a/b/../c.py",
    "x' OR '1'='1",
    "x' OR 1=1; --",
    "100%25.py",
    "日本/π/é/e\u0301.py",
    "not-utf8-\udcff\udce9.py",
    "half\ud83d.py",
    " ",
    "🦀.rs",
]


def test_writing_twice_keeps_one(prepared: VectorStore) -> None:
    """A point that is written twice, even within one batch, is there once."""
    prepared.upsert(COLLECTION, [a_point(), a_point()])
    prepared.upsert(COLLECTION, [a_point()])

    assert prepared.count(COLLECTION, **PUBLISHED) == 1


def test_the_last_write_wins(prepared: VectorStore) -> None:
    """A point with a known id replaces what was there."""
    prepared.upsert(COLLECTION, [a_point(isolated=True)])

    prepared.upsert(COLLECTION, [a_point(vector=(0.0, 1.0, 0.0, 0.0))])

    (hit,) = prepared.nearest(COLLECTION, [0.0, 1.0, 0.0, 0.0], limit=5, **PUBLISHED)
    assert hit.score == pytest.approx(1.0, abs=1e-6)
    assert not hit.isolated


def test_an_empty_batch_changes_nothing(prepared: VectorStore) -> None:
    """Writing no points is no error."""
    prepared.upsert(COLLECTION, [])

    assert prepared.count(COLLECTION, **MINE) == 0


def test_an_isolated_file_is_found(prepared: VectorStore) -> None:
    """A point of a file without edges is stored, found and told as such."""
    prepared.upsert(COLLECTION, [a_point(isolated=True)])

    (hit,) = prepared.nearest(COLLECTION, [1.0, 0.0, 0.0, 0.0], limit=5, **PUBLISHED)

    assert hit.isolated
    assert (hit.path, hit.generation, hit.repository_id) == ("a.py", 1, REPOSITORY)


def test_a_search_sees_one_generation(prepared: VectorStore) -> None:
    """Generations lie side by side, and a search sees the one it asks for."""
    prepared.upsert(COLLECTION, [a_point("old.py"), a_point("both.py")])
    prepared.upsert(COLLECTION, [a_point("new.py", generation=2), a_point("both.py", generation=2)])

    assert paths(prepared, generation=1) == {"old.py", "both.py"}
    assert paths(prepared, generation=2) == {"new.py", "both.py"}
    assert prepared.count(COLLECTION, **MINE) == 4
    assert prepared.count(COLLECTION, **PUBLISHED) == 2


def test_discarding_leaves_the_newer(prepared: VectorStore) -> None:
    """Generations before the given one are deleted, it and later ones stay, and doing it twice changes nothing."""
    prepared.upsert(COLLECTION, [a_point(generation=generation) for generation in (1, 2, 3, 4)])
    prepared.upsert(COLLECTION, [a_point(repository_id=OTHER_REPOSITORY)])

    prepared.discard_below(COLLECTION, generation=3, **MINE)
    prepared.discard_below(COLLECTION, generation=3, **MINE)

    held = [prepared.count(COLLECTION, generation=generation, **MINE) for generation in (1, 2, 3, 4)]
    assert held == [0, 0, 1, 1]
    assert prepared.count(COLLECTION, tenant_id=TENANT, repository_id=OTHER_REPOSITORY) == 1


@pytest.mark.parametrize(("keep", "left"), [(1, [1, 3, 4]), (2, [2, 3, 4]), (3, [3, 4]), (9, [3, 4]), (None, [3, 4])])
def test_discarding_spares_the_one_to_keep(prepared: VectorStore, keep: int | None, left: list[int]) -> None:
    """Of the older generations the one to keep stays, whole, and is found; naming one that is not there spares none."""
    for path in ("a.py", "b.py"):
        prepared.upsert(COLLECTION, [a_point(path, generation=generation) for generation in (1, 2, 3, 4)])

    for _ in range(2):
        prepared.discard_below(COLLECTION, generation=3, keep=keep, **MINE)

    assert {generation: paths(prepared, generation=generation) for generation in (1, 2, 3, 4)} == {
        generation: {"a.py", "b.py"} if generation in left else set() for generation in (1, 2, 3, 4)
    }


def test_tenants_do_not_meet(prepared: VectorStore) -> None:
    """Another tenant's points are neither replaced, found, counted nor deleted, even under the same repository id."""
    prepared.upsert(COLLECTION, [a_point("a.py"), a_point("mine.py")])
    prepared.upsert(COLLECTION, [a_point("a.py", tenant_id=OTHER_TENANT), a_point("theirs.py", tenant_id=OTHER_TENANT)])

    assert paths(prepared) == {"a.py", "mine.py"}
    assert prepared.count(COLLECTION, **MINE) == 2

    prepared.discard_below(COLLECTION, generation=9, **MINE)

    assert prepared.count(COLLECTION, **MINE) == 0
    assert paths(prepared, tenant_id=OTHER_TENANT) == {"a.py", "theirs.py"}


@pytest.mark.parametrize("hostile", ["' OR '1'='1", "x' OR 1=1 --", "a\\' OR true --", '" OR "" = "', "`", "''", "%"])
def test_ids_are_values(prepared: VectorStore, hostile: str) -> None:
    """An id with the signs of a query language stands for itself and nothing else."""
    prepared.upsert(COLLECTION, [a_point("a.py"), a_point("b.py", tenant_id=hostile)])

    assert paths(prepared, tenant_id=hostile) == {"b.py"}
    assert prepared.count(COLLECTION, tenant_id=hostile, repository_id=REPOSITORY) == 1
    assert prepared.count(COLLECTION, tenant_id=TENANT, repository_id=hostile) == 0

    prepared.discard_below(COLLECTION, tenant_id=hostile, repository_id=REPOSITORY, generation=9)

    assert prepared.count(COLLECTION, tenant_id=hostile, repository_id=REPOSITORY) == 0
    assert prepared.count(COLLECTION, **MINE) == 1


def test_odd_paths_come_back_the_same(prepared: VectorStore) -> None:
    """Every name that a repository may hold is stored once and returned unchanged, UTF-8 or not."""
    points = [a_point(path) for path in ODD_PATHS]
    prepared.upsert(COLLECTION, points)
    prepared.upsert(COLLECTION, points)

    assert paths(prepared) == set(ODD_PATHS)
    assert prepared.count(COLLECTION, **PUBLISHED) == len(ODD_PATHS)


def test_scores_are_cosines_best_first(prepared: VectorStore) -> None:
    """Among a thousand points written in batches, the nearest and their scores are those that numpy computes."""
    random = np.random.default_rng(7)
    vectors = random.normal(size=(1000, 4)).astype(np.float32)
    query = random.normal(size=4).astype(np.float32)
    points = [a_point(f"{number}.py", tuple(vector.tolist())) for number, vector in enumerate(vectors)]
    for start in range(0, 1000, 100):
        prepared.upsert(COLLECTION, points[start : start + 100])

    hits = prepared.nearest(COLLECTION, query.tolist(), limit=25, **PUBLISHED)

    cosines = vectors @ query / (np.linalg.norm(vectors, axis=1) * np.linalg.norm(query))
    best = np.argsort(-cosines)[:25]
    assert prepared.count(COLLECTION, **PUBLISHED) == 1000
    assert [hit.path for hit in hits] == [f"{number}.py" for number in best]
    assert [hit.score for hit in hits] == pytest.approx(cosines[best].tolist(), abs=1e-5)


def test_the_limit_counts_what_was_asked_for(prepared: VectorStore) -> None:
    """Nearer points of another repository do not crowd out those of the one that is asked for."""
    prepared.upsert(COLLECTION, [a_point(f"{number}.py", repository_id=OTHER_REPOSITORY) for number in range(50)])
    prepared.upsert(COLLECTION, [a_point("far.py", vector=(-1.0, 0.1, 0.0, 0.0)), a_point("near.py")])

    hits = prepared.nearest(COLLECTION, [1.0, 0.0, 0.0, 0.0], limit=2, **PUBLISHED)

    assert [hit.path for hit in hits] == ["near.py", "far.py"]


def test_a_missing_collection_is_empty(store: VectorStore) -> None:
    """A collection that was never made has no points, nothing to renew and nothing to delete."""
    store.renew(COLLECTION, published=1, generation=2, **MINE)
    store.discard_below(COLLECTION, generation=1, **MINE)

    assert store.count(COLLECTION, **MINE) == 0
    assert store.nearest(COLLECTION, [1.0, 0.0, 0.0, 0.0], limit=5, **PUBLISHED) == []


def test_writing_to_a_missing_collection_is_refused(store: VectorStore) -> None:
    """Points for a collection that was never made are not lost in silence."""
    with pytest.raises(StoreUnavailable):
        store.upsert(COLLECTION, [a_point()])


def test_preparing_again_keeps_the_points(prepared: VectorStore) -> None:
    """Preparing a collection that is there leaves its points alone."""
    prepared.upsert(COLLECTION, [a_point()])

    prepared.prepare(COLLECTION, dimension=4)

    assert prepared.count(COLLECTION, **MINE) == 1


def test_preparing_at_once_makes_one_collection(store: VectorStore) -> None:
    """Threads that prepare the same collection at the same time all succeed, and it works afterwards."""
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: store.prepare(COLLECTION, dimension=4), range(4)))

    store.upsert(COLLECTION, [a_point()])
    assert store.count(COLLECTION, **MINE) == 1


def test_another_dimension_is_refused(prepared: VectorStore) -> None:
    """A collection is not prepared for vectors of another dimension than it holds."""
    prepared.upsert(COLLECTION, [a_point()])

    with pytest.raises(ConfigurationError, match=r"vectors of 4 numbers, not 8"):
        prepared.prepare(COLLECTION, dimension=8)

    assert prepared.count(COLLECTION, **MINE) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_points_outlive_the_process(kind: str, tmp_path: Path) -> None:
    """What was written is there when the store is opened again."""
    first = opened(kind, tmp_path)
    first.prepare(COLLECTION, dimension=4)
    first.upsert(COLLECTION, [a_point()])
    first.close()

    second = opened(kind, tmp_path)

    assert second.count(COLLECTION, **MINE) == 1
    second.close()


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _write_generation(store: VectorStore, generation: int) -> None:
    vectors = np.random.default_rng(generation).normal(size=(500, 4))
    points = [
        a_point(f"{number}.py", tuple(vector.tolist()), generation=generation) for number, vector in enumerate(vectors)
    ]
    for start in range(0, 500, 100):
        store.upsert(COLLECTION, points[start : start + 100])


@pytest.mark.parametrize("kind", LANCE)
def test_lance_gives_space_back(kind: str, tmp_path: Path) -> None:
    """After ten generations a folder is no larger than half again what it was after one."""
    store = opened(kind, tmp_path)
    store.prepare(COLLECTION, dimension=4)
    sizes = []

    for generation in range(1, 11):
        _write_generation(store, generation)
        store.discard_below(COLLECTION, generation=generation, **MINE)
        sizes.append(_size(tmp_path))

    assert sizes[-1] < 1.5 * sizes[0]


@pytest.mark.parametrize("kind", LANCE)
def test_lance_discards_under_a_backup(kind: str, tmp_path: Path) -> None:
    """While a tag holds an older version, points are discarded all the same and the tagged version stays readable."""
    store = opened(kind, tmp_path)
    store.prepare(COLLECTION, dimension=4)
    store.upsert(COLLECTION, [a_point()])
    table = lancedb.connect(tmp_path).open_table(COLLECTION)
    table.tags.create("backup", table.version)
    store.upsert(COLLECTION, [a_point(generation=2)])

    store.discard_below(COLLECTION, generation=2, **MINE)

    table.checkout("backup")
    assert store.count(COLLECTION, **MINE) == 1
    assert table.count_rows() == 1


def _write_as_process(kind: str, path: Path, start: Any, first: int) -> None:
    store = opened(kind, path)
    start.wait(60)
    store.prepare(COLLECTION, dimension=4)
    for batch in range(20):
        start.wait(60)
        store.upsert(COLLECTION, [a_point(f"{batch}-{number}.py") for number in range(50)])
        store.upsert(COLLECTION, [a_point(f"{batch}.py", repository_id=OTHER_REPOSITORY, generation=first + batch)])
        store.discard_below(COLLECTION, tenant_id=OTHER_TENANT, repository_id=REPOSITORY, generation=5)
    store.close()


@pytest.mark.parametrize("kind", LANCE)
def test_lance_serves_two_processes(kind: str, tmp_path: Path) -> None:
    """Two processes that make a table, write the same new ids and compact at once lose and double nothing."""
    spawn = multiprocessing.get_context("spawn")
    start = spawn.Barrier(2)
    writers = [spawn.Process(target=_write_as_process, args=(kind, tmp_path, start, first)) for first in (0, 100)]

    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)

    store = opened(kind, tmp_path)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert store.count(COLLECTION, **MINE) == 1000
    assert store.count(COLLECTION, tenant_id=TENANT, repository_id=OTHER_REPOSITORY) == 40


@pytest.mark.parametrize("kind", LANCE)
def test_lance_that_cannot_write_is_unavailable(kind: str, tmp_path: Path) -> None:
    """A folder that cannot be made is told as an unavailable store, with its cause."""
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StoreUnavailable) as caught:
        opened(kind, tmp_path / "file" / "lance").prepare(COLLECTION, dimension=4)

    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("kind", QDRANT)
def test_a_local_qdrant_folder_serves_one(kind: str, tmp_path: Path) -> None:
    """A second opener of a Qdrant folder is turned away, and may come in once the first has closed."""
    first = opened(kind, tmp_path)

    with pytest.raises(StoreUnavailable, match="already accessed"):
        opened(kind, tmp_path)

    first.close()
    opened(kind, tmp_path).close()


OPERATIONS: dict[str, Callable[[VectorStore], object]] = {
    "prepare": lambda store: store.prepare(COLLECTION, dimension=4),
    "upsert": lambda store: store.upsert(COLLECTION, [a_point()]),
    "nearest": lambda store: store.nearest(COLLECTION, [1.0, 0.0, 0.0, 0.0], limit=5, **PUBLISHED),
    "count": lambda store: store.count(COLLECTION, **MINE),
    "renew": lambda store: store.renew(COLLECTION, published=1, generation=2, without=["a.py"], **MINE),
    "discard_below": lambda store: store.discard_below(COLLECTION, generation=1, **MINE),
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
@pytest.mark.parametrize("kind", QDRANT)
def test_qdrant_that_answers_503_is_unavailable(
    refusing: str, kind: str, operation: Callable[[VectorStore], object]
) -> None:
    """A server that refuses is told as an unavailable store with its status, by every operation."""
    store = QDRANT[kind](refusing)

    with pytest.raises(StoreUnavailable, match="status 503") as caught:
        operation(store)

    assert caught.value.__cause__ is not None
    store.close()


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
@pytest.mark.parametrize("kind", QDRANT)
def test_qdrant_that_nobody_serves_is_unavailable(kind: str, operation: Callable[[VectorStore], object]) -> None:
    """A port that nobody listens on is told as an unavailable store at once."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        store = QDRANT[kind](f"http://127.0.0.1:{closed.getsockname()[1]}")
        began = time.monotonic()

        with pytest.raises(StoreUnavailable):
            operation(store)

    assert time.monotonic() - began < 10
    store.close()


def test_qdrant_that_hangs_is_unavailable() -> None:
    """A server that takes the connection and never answers is given up after ten seconds."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = QdrantVectorStore(url=f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()

        with pytest.raises(StoreUnavailable):
            store.count(COLLECTION, **MINE)

    assert 9 < time.monotonic() - began < 12
    store.close()


def test_qdrant_errors_hide_userinfo() -> None:
    """A user and password in the URL are not in the message."""
    store = QdrantVectorStore(url="http://user:hunter2hunter2@127.0.0.1:1")

    with pytest.raises(StoreUnavailable) as caught:
        store.count(COLLECTION, **MINE)

    assert "hunter2" not in caught.value.message
    store.close()
