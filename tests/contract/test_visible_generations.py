"""What a reader of a published generation sees while others write, fail, and come back late."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import lancedb
import pyarrow as pa
import pytest
from qdrant_client.models import Filter
from vector_world import COLLECTION, MINE, OTHER_REPOSITORY, OTHER_TENANT, a_point, paths, seen

from shared.stores.base import VectorStore
from shared.stores.lance import LanceVectorStore
from shared.stores.qdrant import QdrantVectorStore

Step = Callable[[VectorStore], None]

#: Generation 3 is published; 5 was given up for lost, 7 took over.
AT_THREE = {("a.py", 1), ("b.py", 1), ("c.py", 3), ("odd-\udce9'.py", 1)}
AT_SEVEN = {("a.py", 7), ("b.py", 1), ("y.py", 7), ("odd-\udce9'.py", 1)}

LOST: list[Step] = [
    lambda store: store.upsert(COLLECTION, [a_point(path, generation=5) for path in ("b.py", "x.py")]),
    lambda store: store.renew(COLLECTION, published=3, generation=5, without=["b.py"], **MINE),
    lambda store: store.discard_below(COLLECTION, generation=6, keep=3, **MINE),
]
WINNER: list[Step] = [
    lambda store: store.discard_below(COLLECTION, generation=7, keep=3, **MINE),
    lambda store: store.upsert(COLLECTION, [a_point(path, generation=7) for path in ("a.py", "y.py")]),
    lambda store: store.renew(COLLECTION, published=3, generation=7, without=["a.py", "c.py"], **MINE),
]
#: After the winner has published.
DISCARD: Step = lambda store: store.discard_below(COLLECTION, generation=7, keep=7, **MINE)  # noqa: E731


@pytest.fixture
def published(prepared: VectorStore) -> VectorStore:
    """A store in which generation 3 is published, over generation 1."""
    first = [a_point(path) for path in ("a.py", "b.py", "c.py", "odd-\udce9'.py")]
    others = [a_point(repository_id=OTHER_REPOSITORY), a_point(tenant_id=OTHER_TENANT)]
    prepared.upsert(COLLECTION, first + others)
    prepared.upsert(COLLECTION, [a_point("c.py", generation=3)])
    prepared.renew(COLLECTION, published=1, generation=3, without=["c.py"], **MINE)
    prepared.discard_below(COLLECTION, generation=3, keep=3, **MINE)
    return prepared


def test_kept_points_are_seen_by_both(prepared: VectorStore) -> None:
    """A push writes what moved and renews the rest: the old generation sees its own, the new one a mixture."""
    prepared.upsert(COLLECTION, [a_point("kept.py"), a_point("moved.py"), a_point("gone.py")])

    prepared.upsert(COLLECTION, [a_point("moved.py", generation=4), a_point("new.py", generation=4)])
    prepared.renew(COLLECTION, published=1, generation=4, without=["moved.py", "gone.py"], **MINE)

    assert seen(prepared, 1) == {("kept.py", 1), ("moved.py", 1), ("gone.py", 1)}
    assert seen(prepared, 4) == {("kept.py", 1), ("moved.py", 4), ("new.py", 4)}


def test_superseded_points_go_after_the_publish(published: VectorStore) -> None:
    """Once a generation is visible, what it does not see is deleted, and nothing of others."""
    for step in (*WINNER, DISCARD):
        step(published)

    assert seen(published, 7) == AT_SEVEN
    assert published.count(COLLECTION, **MINE) == len(AT_SEVEN)
    assert paths(published, repository_id=OTHER_REPOSITORY) == paths(published, tenant_id=OTHER_TENANT) == {"a.py"}


@pytest.mark.parametrize("done", range(len(LOST) + 1))
def test_an_attempt_that_dies_half_way_disturbs_nobody(published: VectorStore, done: int) -> None:
    """Wherever an attempt dies, the published generation is what it was, and the next attempt comes out right."""
    for step in LOST[:done]:
        step(published)
    assert seen(published, 3) == AT_THREE

    for step in WINNER:
        step(published)
        step(published)
        assert seen(published, 3) == AT_THREE

    assert seen(published, 7) == AT_SEVEN


@pytest.mark.parametrize("done", range(len(LOST)))
@pytest.mark.parametrize("late", range(len(WINNER) + 2))
def test_what_a_lost_attempt_writes_late_is_never_seen(published: VectorStore, done: int, late: int) -> None:
    """A lost attempt that wakes up, wherever it and the winner are by then, changes nothing that anybody sees."""
    for step in LOST[:done]:
        step(published)
    for step in (*WINNER, DISCARD)[:late]:
        step(published)

    for step in LOST[done:]:
        step(published)
        assert late > len(WINNER) or seen(published, 3) == AT_THREE
    for step in (*WINNER, DISCARD)[late:]:
        step(published)

    assert seen(published, 7) == AT_SEVEN


def test_what_came_late_is_not_inherited(published: VectorStore) -> None:
    """The generation after the winner's builds on what the winner saw, not on what a lost attempt left behind."""
    for step in (*WINNER, DISCARD, *LOST[:2]):
        step(published)

    published.renew(COLLECTION, published=7, generation=9, **MINE)
    published.discard_below(COLLECTION, generation=9, keep=9, **MINE)

    assert seen(published, 9) == AT_SEVEN
    assert published.count(COLLECTION, **MINE) == len(AT_SEVEN)


def test_renewing_never_shortens(published: VectorStore) -> None:
    """An old attempt's renewal takes nothing back from a newer one."""
    published.renew(COLLECTION, published=3, generation=7, **MINE)

    published.renew(COLLECTION, published=3, generation=5, **MINE)

    assert seen(published, 7) == AT_THREE


def test_renewing_leaves_others_alone(published: VectorStore) -> None:
    """Other repositories and other tenants are seen by the generations that they were seen by."""
    published.renew(COLLECTION, published=1, generation=9, **MINE)

    assert paths(published, 9, repository_id=OTHER_REPOSITORY) == set()
    assert paths(published, 9, tenant_id=OTHER_TENANT) == set()


def test_many_paths_can_be_left_out(prepared: VectorStore) -> None:
    """A thousand moved files are no more of a problem than one."""
    names = [f"folder/{number}.py" for number in range(1000)]
    prepared.upsert(COLLECTION, [a_point(name) for name in names])

    prepared.renew(COLLECTION, published=1, generation=2, without=names[:950], **MINE)

    assert paths(prepared, 2) == set(names[950:])


def old_points(folder: Path) -> None:
    """Leave a collection of Qdrant's whose points know their generations alone, two of this repository each."""
    writer = QdrantVectorStore(url=str(folder))
    writer.prepare(COLLECTION, dimension=4)
    mine = [a_point(path, generation=generation) for generation in (1, 3) for path in ("a.py", "b.py")]
    writer.upsert(COLLECTION, [*mine, a_point("b.py", repository_id=OTHER_REPOSITORY)])
    writer._client.delete_payload(COLLECTION, ["until"], Filter(must=[]))
    writer.close()


def test_qdrant_takes_over_points_of_the_old_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Points that know generations alone are seen by their own, however many there are, and can be renewed."""
    monkeypatch.setattr("shared.stores.qdrant._BATCH", 2)
    old_points(tmp_path)
    store = QdrantVectorStore(url=str(tmp_path))

    store.prepare(COLLECTION, dimension=4)
    before = (seen(store, 1), seen(store, 3), paths(store, repository_id=OTHER_REPOSITORY))
    store.upsert(COLLECTION, [a_point("c.py", generation=4)])
    store.renew(COLLECTION, published=3, generation=4, without=["b.py"], **MINE)

    assert before == ({("a.py", 1), ("b.py", 1)}, {("a.py", 3), ("b.py", 3)}, {"b.py"})
    assert seen(store, 3) == {("a.py", 3), ("b.py", 3)}
    assert seen(store, 4) == {("a.py", 3), ("c.py", 4)}
    store.discard_below(COLLECTION, generation=4, keep=4, **MINE)
    assert store.count(COLLECTION, **MINE) == 2
    store.close()


@pytest.mark.parametrize("first", ["discard", "renew", "search"])
def test_qdrant_loses_nothing_of_the_old_shape_before_it_is_prepared(tmp_path: Path, first: str) -> None:
    """Whatever is asked first of a store with points of the old shape, what is published stays."""
    old_points(tmp_path)
    store = QdrantVectorStore(url=str(tmp_path))

    if first == "discard":
        store.discard_below(COLLECTION, generation=4, keep=3, **MINE)
    elif first == "renew":
        store.renew(COLLECTION, published=3, generation=5, **MINE)

    assert seen(store, 5 if first == "renew" else 3) == {("a.py", 3), ("b.py", 3)}
    assert store.count(COLLECTION, **MINE) == (2 if first == "discard" else 4)
    store.close()


def test_qdrant_takes_nothing_back_that_was_renewed_while_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Points that another process renews between a look and a write keep what that one gave them."""
    old_points(tmp_path)
    store = QdrantVectorStore(url=str(tmp_path))
    look = store._client.scroll

    def overtaken(*arguments: object, **named: object) -> object:
        found = look(*arguments, **named)  # type: ignore[arg-type]
        store._client.set_payload(COLLECTION, {"until": 10}, Filter(must=[]))
        return found

    monkeypatch.setattr(store._client, "scroll", overtaken)

    store.prepare(COLLECTION, dimension=4)

    assert store.count(COLLECTION, generation=9, **MINE) == 4
    store.close()


def test_lance_takes_over_a_table_of_the_old_shape(tmp_path: Path) -> None:
    """A table that knows generations alone works on, each point seen by its own generation, and can be written to."""
    fields = [("id", pa.string()), ("tenant_id", pa.string()), ("repository_id", pa.string())]
    fields += [("repository", pa.string()), ("generation", pa.int64()), ("path", pa.string())]
    fields += [("language", pa.string()), ("isolated", pa.bool_()), ("vector", pa.list_(pa.float32(), 4))]
    key = {"lance-schema:unenforced-primary-key:position": "1"}
    schema = pa.schema(
        [pa.field(name, kind, nullable=False, metadata=key if name == "id" else None) for name, kind in fields]
    )
    table = lancedb.connect(tmp_path).create_table(COLLECTION, schema=schema)
    old = [a_point(path, generation=generation) for generation in (1, 3) for path in ("a.py", "b.py")]
    table.add([{"id": point.id, **{name: getattr(point, name) for name, _ in fields[1:]}} for point in old])
    store = LanceVectorStore(path=tmp_path)

    before = seen(store, 3)
    store.prepare(COLLECTION, dimension=4)
    store.upsert(COLLECTION, [a_point("c.py", generation=4)])
    store.renew(COLLECTION, published=3, generation=4, without=["b.py"], **MINE)

    assert before == seen(store, 3) == {("a.py", 3), ("b.py", 3)}
    assert seen(store, 4) == {("a.py", 3), ("c.py", 4)}
    store.discard_below(COLLECTION, generation=4, keep=4, **MINE)
    assert store.count(COLLECTION, **MINE) == 2
