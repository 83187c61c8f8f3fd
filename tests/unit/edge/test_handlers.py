"""The handlers: a small real repository becomes vectors and knowledge, and vectors go when they are to go."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from handler_twins import COLLECTION, TENANT, Home, Store, a_point, holding, published, silent
from plane_factories import REPOSITORY, REPOSITORY_ID

from edge_worker.handlers.base import Published, Task
from edge_worker.handlers.reading import Source
from edge_worker.handlers.remove import Remove
from edge_worker.handlers.training import Tag, TrainingStates
from edge_worker.handlers.vectors import BATCH, DIMENSION, Kept, Shelf
from shared.errors import Cancelled, ConfigurationError, InvalidRepository, Permanent, StoreUnavailable
from shared.jobs.payloads import IngestPayload
from shared.stores.lance_passages import LancePassageStore

FILES = {
    "app/__init__.py": "",
    "app/main.py": "import os\nfrom app import models\nfrom app.store import save\n",
    "app/models.py": "class User: ...\n",
    "app/store.py": "from app.models import User\n",
    "alone.py": "print('nobody knows me')\n",
    "README.md": "Not a source.\n",
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A repository without a commit."""
    return Home(tmp_path)


def test_a_commit_becomes_knowledge(home: Home) -> None:
    """Files, imports and likeness of the newest commit are what is to be published."""
    commit = home.commit(FILES)
    reporter, told = silent()

    outcome = home.ingest()(home.task(), reporter)

    knowledge = outcome.knowledge
    assert knowledge is not None
    paths = [file.path for file in knowledge.files]
    assert (knowledge.commit, sorted(paths)) == (commit, sorted(path for path in FILES if path.endswith(".py")))
    edges = {(paths[edge.source], paths[edge.target]) for edge in knowledge.edges}
    assert {("app/main.py", "app/store.py"), ("app/store.py", "app/models.py")} <= edges
    assert {file.path: file.isolated for file in knowledge.files}["alone.py"] is True
    assert outcome.summary["files"] == 5
    assert list(dict.fromkeys(name for name, _, _ in told)) == [
        "fetch",
        "parse",
        "train",
        "neighbours",
        "store",
        "analyse",
    ]


def test_every_file_has_a_vector_of_its_generation(home: Home) -> None:
    """The store holds one vector a file, of the attempt's own generation, before anything is published."""
    home.commit(FILES)

    home.ingest()(home.task(), silent()[0])

    assert home.store.generations() == [7] * 5
    assert sorted(home.store.seen(7)) == sorted(path for path in FILES if path.endswith(".py"))
    assert home.store.prepared == [(COLLECTION, DIMENSION)]
    assert {len(point.vector) for point in home.store.points.values()} == {DIMENSION}


def test_a_commit_that_is_published_is_not_indexed_again(home: Home) -> None:
    """The same commit, parameters and place is nothing to do: nothing is fetched, trained or written."""
    commit = home.commit(FILES)
    reporter, told = silent()

    outcome = home.ingest()(home.task(published=published(commit)), reporter)

    assert outcome.knowledge is None
    assert (outcome.summary["unchanged"], outcome.summary["commit"]) == (True, commit)
    assert home.store.points == {}
    assert "train" not in {name for name, _, _ in told}


@pytest.mark.parametrize(
    "changes",
    [
        {"commit": "1" * 40},
        {"removed": True},
        {"parameters": {**IngestPayload(url="x").parameters(), "epochs": 2}},
        {"parameters": {**IngestPayload(url="x").parameters(), "include": ["vendored"]}},
        {"parameters": {}},
        {"vector_store": "qdrant", "node": None},
        {"node": "attic"},
    ],
    ids=["commit", "removed", "epochs", "include", "no parameters", "store", "node"],
)
def test_what_is_published_otherwise_is_indexed_again(home: Home, changes: dict[str, Any]) -> None:
    """Another commit or parameter, a removal, or vectors that lie where this worker's do not: there is work to do."""
    commit = home.commit(FILES)

    outcome = home.ingest()(home.task(published=replace(published(commit), **changes)), silent()[0])

    assert outcome.knowledge is not None


def test_who_insists_is_served(home: Home) -> None:
    """A forced ingest indexes the commit that is published already."""
    commit = home.commit(FILES)
    task = home.task(published=published(commit))

    outcome = home.ingest()(replace(task, payload={**task.payload, "force": True}), silent()[0])

    assert outcome.knowledge is not None


def test_a_shared_store_serves_every_node(home: Home) -> None:
    """Vectors in Qdrant are as good as this worker's own, whichever node wrote them."""
    commit = home.commit(FILES)
    known = published(commit, vector_store="qdrant", node="attic")

    outcome = home.ingest(place=("qdrant", None))(home.task(published=known), silent()[0])

    assert outcome.summary["unchanged"] is True


def test_a_repository_without_sources_can_never_work(home: Home) -> None:
    """Where there is nothing to index the job fails for good, and nothing is written."""
    home.commit({"README.md": "Words.\n"})

    with pytest.raises(Permanent) as caught:
        home.ingest()(home.task(), silent()[0])

    assert caught.value.reason == "no_source_files"
    assert home.store.points == {}


def test_a_repository_of_garbage_can_never_work(home: Home) -> None:
    """Where no file is a program the job fails for good, also where none looks as if it imported anything."""
    home.commit({"a.py": ")]}" * 50, "b.ts": "@#" * 50, "c.py": "\0\1\2"})

    with pytest.raises(Permanent) as caught:
        home.ingest()(home.task(), silent()[0])

    assert caught.value.reason == "nothing_to_index"
    assert "None of 3 source files could be parsed (2 broken, 1 too large or not text)" in caught.value.message


@pytest.mark.parametrize("other", [{"b.py": "x = 1\n"}, {"b.py": "def f(:\n  pass\n"}, {"b.h": "int x;\n"}])
def test_one_program_among_garbage_is_indexed(home: Home, other: dict[str, str | None]) -> None:
    """A commit without a single import is indexed as long as one of its files is a program, a broken one included."""
    home.commit({"a.py": ")]}" * 50, **other})

    outcome = home.ingest()(home.task(), silent()[0])

    assert outcome.summary["files"] == 2


def test_garbage_beyond_measure_is_not_searched_for_a_program(home: Home) -> None:
    """What the grammars are asked about has a bound, and garbage beyond it is taken for what its name says."""
    home.commit({f"{number}.py": f"#{number}\n" + "@#$%^ \n" * 9_000 for number in range(17)})

    assert home.ingest()(home.task(), silent()[0]).summary["files"] == 17


@pytest.mark.parametrize("stage", ["fetch", "parse", "train", "neighbours"])
def test_a_cancel_takes_effect_at_the_next_border(home: Home, stage: str) -> None:
    """An ingest that is to stop does so before it writes a single vector."""
    home.commit(FILES)

    with pytest.raises(Cancelled):
        home.ingest()(home.task(), silent(stop_at=stage)[0])

    assert home.store.points == {}


def test_a_payload_that_is_none_is_refused(home: Home) -> None:
    """A task whose payload is not that of an ingest is an error before anything is read."""
    with pytest.raises(ValueError, match="nonsense"):
        home.ingest()(home.task(payload={"nonsense": True}), silent()[0])


def test_an_address_is_checked_on_this_machine(home: Home) -> None:
    """Whatever the source of this worker refuses ends the ingest."""

    def refuse(task: Task, payload: IngestPayload) -> Source:
        raise InvalidRepository

    with pytest.raises(InvalidRepository):
        replace(home.ingest(), source=refuse)(home.task(), silent()[0])


def _shelf(store: Store, known: Published | None = None) -> Shelf:
    task = Task(
        job_id="job_" + "0" * 26,
        attempt=1,
        kind="ingest",
        tenant_id=TENANT,
        repository_id=REPOSITORY_ID,
        repository=REPOSITORY,
        generation=7,
        payload={},
        work_dir=Path("nowhere"),
        published=known,
    )
    return Shelf(store=store, collection=COLLECTION, task=task)


def test_points_are_written_in_batches() -> None:
    """A hundred at a time, each told, and the last one as large as it is."""
    store, (reporter, told) = Store(), silent()

    _shelf(store).write((a_point(7, number) for number in range(250)), 250, kept=None, reporter=reporter)

    assert store.batches == [BATCH, BATCH, 50]
    assert told == [("store", 100, 250), ("store", 200, 250), ("store", 250, 250)]


def test_many_points_are_written_in_a_hundred_batches() -> None:
    """Batches grow with what there is to write."""
    store = Store()

    _shelf(store).write((a_point(7, number) for number in range(12_001)), 12_001, kept=None, reporter=silent()[0])

    assert store.batches == [121] * 99 + [22]


def test_a_store_that_hesitates_is_asked_again() -> None:
    """A store that is away for a moment costs a moment."""
    store = Store(away=1)

    _shelf(store).write([a_point(7)], 1, kept=None, reporter=silent()[0])

    assert store.generations() == [7]


def test_a_store_that_stays_away_is_given_up() -> None:
    """After four tries the store is unavailable, and the attempt with it."""
    store = Store(away=100)

    with pytest.raises(StoreUnavailable):
        _shelf(store).write([a_point(7)], 1, kept=None, reporter=silent()[0])

    assert store.away == 96


def test_a_collection_of_another_dimension_is_not_tried_again() -> None:
    """What can never work is said at once."""
    store = Store(error=ConfigurationError("another dimension"))

    with pytest.raises(ConfigurationError):
        _shelf(store).write([a_point(7)], 1, kept=None, reporter=silent()[0])


def test_vectors_that_got_lost_are_noticed() -> None:
    """A store that holds fewer vectors than were written to it fails before anything is published."""
    points = [a_point(7, number) for number in range(3)]

    with pytest.raises(StoreUnavailable) as caught:
        _shelf(Store(loses=1)).write(points, 3, kept=None, reporter=silent()[0])

    assert (caught.value.details["expected"], caught.value.details["found"]) == (3, 2)


def test_other_generations_do_not_count() -> None:
    """What lies there of an earlier generation does not make up for a vector that got lost, nor disturb the rest."""
    store = holding(a_point(4, 1), a_point(4, 2))

    _shelf(store).write([a_point(7, 1)], 1, kept=None, reporter=silent()[0])

    assert store.generations() == [4, 4, 7]
    assert set(store.seen(7)) == {"file_1.py"}


def test_what_is_kept_is_seen_by_both_generations() -> None:
    """Points that did not move are neither written nor lost, and those that did are seen once."""
    store = holding(a_point(4, 1), a_point(4, 2), a_point(4, 3))
    kept = Kept(count=1, without=["file_1.py", "file_3.py"])

    _shelf(store, published("1" * 40)).write([a_point(7, 1)], 1, kept=kept, reporter=silent()[0])

    assert {path: point.generation for path, point in store.seen(7).items()} == {"file_1.py": 7, "file_2.py": 4}
    assert set(store.seen(4)) == {"file_1.py", "file_2.py", "file_3.py"}


def test_a_kept_vector_that_is_not_there_is_noticed() -> None:
    """Nothing is published that counts on a vector which the store does not have."""
    store = holding(a_point(4, 1))

    with pytest.raises(StoreUnavailable) as caught:
        _shelf(store, published("1" * 40)).write([], 0, kept=Kept(count=2, without=[]), reporter=silent()[0])

    assert (caught.value.details["expected"], caught.value.details["found"]) == (2, 1)


def _remove(store: Store, known: Published | None, folder: Path = Path("nowhere")) -> dict[str, Any]:
    task = Task(
        job_id="job_" + "0" * 26,
        attempt=1,
        kind="remove",
        tenant_id=TENANT,
        repository_id=REPOSITORY_ID,
        repository=REPOSITORY,
        generation=7,
        payload={},
        work_dir=Path("nowhere"),
        published=known,
    )
    with tempfile.TemporaryDirectory() as empty:
        remove = Remove(store=store, passages=LancePassageStore(path=Path(empty)), states=TrainingStates(folder=folder))
        return remove(task, silent()[0]).summary


def test_a_removal_takes_every_vector() -> None:
    """Of a repository that is gone from the ledger nothing older than the removal is left."""
    store = holding(a_point(2), a_point(4), a_point(4, 1))

    assert _remove(store, None) == {"vectors_deleted": 3, "vectors_left": 0}
    assert store.points == {}


def test_a_removal_leaves_what_was_published_since() -> None:
    """A repository that was indexed again before its removal ran keeps its new vectors."""
    store = holding(a_point(2), a_point(6), a_point(6, 1))

    assert _remove(store, published("1" * 40, generation=6)) == {"vectors_deleted": 1, "vectors_left": 2}
    assert store.generations() == [6, 6]


def test_a_removal_leaves_what_later_pushes_kept() -> None:
    """Vectors that the published generation took over from older ones are not older than it."""
    store = holding(a_point(2), a_point(6), a_point(6, 1))
    store.renew(COLLECTION, tenant_id=TENANT, repository_id=REPOSITORY_ID, published=6, generation=9)

    assert _remove(store, published("1" * 40, generation=9)) == {"vectors_deleted": 1, "vectors_left": 2}


def test_a_removal_takes_what_was_learned_beside_the_vectors(tmp_path: Path) -> None:
    """No state of a training outlives its repository, and others keep theirs."""
    states = TrainingStates(folder=tmp_path)
    of = {"tenant_id": TENANT, "collection": COLLECTION, "generation": 4}
    mine, other = (Tag(repository_id=name, **of) for name in (REPOSITORY_ID, "repo_" + "0" * 26))
    for tag in (mine, other):
        states.keep(tag, b"state")

    _remove(Store(), None, tmp_path)

    assert (states.load(mine), states.load(other)) == (None, b"state")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_removal_leaves_others_alone() -> None:
    """Other repositories and other tenants keep their vectors."""
    store = holding(a_point(2), a_point(2, repository_id="repo_" + "0" * 26), a_point(2, tenant_id="another"))

    _remove(store, None)

    assert len(store.points) == 2


def test_a_removal_that_finds_no_store_is_tried_again() -> None:
    """A store that does not answer keeps the promise to delete open."""
    with pytest.raises(StoreUnavailable):
        _remove(Store(away=1), None)
