"""The handlers: a small real repository becomes vectors and knowledge, and vectors go when they are to go."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from plane_factories import REPOSITORY, REPOSITORY_ID

from edge_worker.handlers.base import Published, Reporter, Task
from edge_worker.handlers.ingest import COLLECTION, DIMENSION, Ingest
from edge_worker.handlers.reading import Source
from edge_worker.handlers.remove import Remove
from edge_worker.handlers.vectors import BATCH, write_points
from edge_worker.source.fetch import FetchLimits
from edge_worker.source.git import Access
from shared.errors import Cancelled, ConfigurationError, InvalidRepository, Permanent, StoreUnavailable
from shared.jobs.payloads import IngestPayload
from shared.ledger.records import DEFAULT_TENANT
from shared.repositories import RepositoryAddress
from shared.stores.base import Hit, Point

TENANT = str(DEFAULT_TENANT)
FILES = {
    "app/__init__.py": "",
    "app/main.py": "import os\nfrom app import models\nfrom app.store import save\n",
    "app/models.py": "class User: ...\n",
    "app/store.py": "from app.models import User\n",
    "alone.py": "print('nobody knows me')\n",
    "README.md": "Not a source.\n",
}


@dataclass
class Store:
    """A vector store in memory."""

    points: dict[str, Point] = field(default_factory=dict)
    batches: list[int] = field(default_factory=list)
    prepared: list[tuple[str, int]] = field(default_factory=list)
    #: Calls that find nobody there, before it answers again.
    away: int = 0
    #: Points that get lost on the way.
    loses: int = 0
    error: Exception | None = None

    def prepare(self, collection: str, *, dimension: int) -> None:
        """Make the collection."""
        self._check()
        self.prepared.append((collection, dimension))

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Write points."""
        self._check()
        self.batches.append(len(points))
        self.points.update({point.id: point for point in points[self.loses :]})

    def nearest(self, collection: str, vector: Sequence[float], **where: Any) -> list[Hit]:
        """Find nothing."""
        return []

    def count(self, collection: str, *, tenant_id: str, repository_id: str, generation: int | None = None) -> int:
        """Count a repository's points."""
        self._check()
        return sum(generation in (None, one.generation) for one in self._of(tenant_id, repository_id))

    def discard_below(
        self, collection: str, *, tenant_id: str, repository_id: str, generation: int, keep: int | None = None
    ) -> None:
        """Delete a repository's older points."""
        self._check()
        for one in self._of(tenant_id, repository_id):
            if one.generation < generation and one.generation != keep:
                del self.points[one.id]

    def close(self) -> None:
        """Hold nothing."""

    def generations(self) -> list[int]:
        """Return the generations that it holds, one for each point."""
        return sorted(point.generation for point in self.points.values())

    def _of(self, tenant: str, repository: str) -> list[Point]:
        return [one for one in self.points.values() if (one.tenant_id, one.repository_id) == (tenant, repository)]

    def _check(self) -> None:
        if self.error is not None:
            raise self.error
        if self.away > 0:
            self.away -= 1
            raise StoreUnavailable


def _point(generation: int, number: int = 0, **changes: Any) -> Point:
    point = Point(
        tenant_id=TENANT,
        repository_id=REPOSITORY_ID,
        repository=REPOSITORY,
        generation=generation,
        path=f"file_{number}.py",
        language="python",
        isolated=False,
        vector=[1.0] * DIMENSION,
    )
    return replace(point, **changes)


def _holding(*points: Point) -> Store:
    return Store(points={point.id: point for point in points})


def _silent(stop_at: str | None = None) -> tuple[Reporter, list[tuple[str, int, int]]]:
    """Return a reporter and what it was told; it asks for a stop once a stage of this name was told."""
    told: list[tuple[str, int, int]] = []

    def send(name: str, done: int, total: int) -> None:
        told.append((name, done, total))

    return Reporter(send, lambda: any(name == stop_at for name, _, _ in told)), told


class Home:
    """A repository on this disk, and an ingest that may read it."""

    def __init__(self, folder: Path) -> None:
        self.path, self.work = folder / "repository", folder / "work"
        self.path.mkdir()
        self.work.mkdir()
        self._git("init", "--quiet", "--initial-branch=main")
        self.store = Store()
        self.attempts = 0

    def commit(self, files: dict[str, str]) -> str:
        """Commit files; return the commit."""
        for name, text in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message=x")
        return self._git("rev-parse", "HEAD")

    def task(self, **changes: Any) -> Task:
        """Return the next attempt."""
        self.attempts += 1
        folder = self.work / str(self.attempts)
        folder.mkdir()
        values = {
            "job_id": "job_" + "0" * 26,
            "attempt": self.attempts,
            "kind": "ingest",
            "tenant_id": TENANT,
            "repository_id": REPOSITORY_ID,
            "repository": f"local:{self.path}",
            "generation": 7,
            "payload": {"url": str(self.path), "ref": None, "epochs": 1, "force": False},
            "work_dir": folder,
        }
        return Task(**{**values, **changes})

    def ingest(self, place: tuple[str, str | None] = ("lancedb", "den")) -> Ingest:
        """Return the handler."""
        return Ingest(source=self._source, store=self.store, device="cpu", place=place)

    def _source(self, task: Task, payload: IngestPayload) -> Source:
        return Source(
            address=RepositoryAddress(name=task.repository, url=payload.url, host=None),
            ref=payload.ref,
            folder=task.work_dir,
            limits=FetchLimits(
                seconds=60, max_bytes=1 << 24, max_files=100, max_file_bytes=1 << 16, free_bytes=1 << 20
            ),
            access=Access(private_hosts=(), local_roots=(self.path.parent,), token=None),
        )

    def _git(self, *arguments: str) -> str:
        names = {f"GIT_{who}_{what}": "x@y.z" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        env = {"PATH": os.environ["PATH"], "HOME": str(self.path), "GIT_CONFIG_NOSYSTEM": "1", **names}
        done = subprocess.run(["git", *arguments], cwd=self.path, env=env, capture_output=True, check=True)
        return done.stdout.decode().strip()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A repository without a commit."""
    return Home(tmp_path)


def test_a_commit_becomes_knowledge(home: Home) -> None:
    """Files, imports and likeness of the newest commit are what is to be published."""
    commit = home.commit(FILES)
    reporter, told = _silent()

    outcome = home.ingest()(home.task(), reporter)

    knowledge = outcome.knowledge
    assert knowledge is not None
    paths = [file.path for file in knowledge.files]
    assert (knowledge.commit, sorted(paths)) == (commit, sorted(path for path in FILES if path.endswith(".py")))
    edges = {(paths[edge.source], paths[edge.target]) for edge in knowledge.edges}
    assert {("app/main.py", "app/store.py"), ("app/store.py", "app/models.py")} <= edges
    assert {file.path: file.isolated for file in knowledge.files}["alone.py"] is True
    assert outcome.summary["files"] == 5
    assert list(dict.fromkeys(name for name, _, _ in told)) == ["fetch", "parse", "train", "store"]


def test_every_file_has_a_vector_of_its_generation(home: Home) -> None:
    """The store holds one vector a file, of the attempt's own generation, before anything is published."""
    home.commit(FILES)

    home.ingest()(home.task(), _silent()[0])

    assert home.store.generations() == [7] * 5
    assert home.store.prepared == [(COLLECTION, DIMENSION)]
    assert {len(point.vector) for point in home.store.points.values()} == {DIMENSION}


def _seen(commit: str, **changes: Any) -> Published:
    values = {"commit": commit, "generation": 4, "parameters": {"epochs": 1}, "vector_store": "lancedb", "node": "den"}
    return Published(**{**values, **changes})


def test_a_commit_that_is_published_is_not_indexed_again(home: Home) -> None:
    """The same commit, parameters and place is nothing to do: nothing is fetched, trained or written."""
    commit = home.commit(FILES)
    reporter, told = _silent()

    outcome = home.ingest()(home.task(published=_seen(commit)), reporter)

    assert outcome.knowledge is None
    assert (outcome.summary["unchanged"], outcome.summary["commit"]) == (True, commit)
    assert home.store.points == {}
    assert "train" not in {name for name, _, _ in told}


@pytest.mark.parametrize(
    "changes",
    [
        {"commit": "1" * 40},
        {"removed": True},
        {"parameters": {"epochs": 2}},
        {"parameters": {}},
        {"vector_store": "qdrant", "node": None},
        {"node": "attic"},
    ],
    ids=["commit", "removed", "epochs", "no epochs", "store", "node"],
)
def test_what_is_published_otherwise_is_indexed_again(home: Home, changes: dict[str, Any]) -> None:
    """Another commit or parameter, a removal, or vectors that lie where this worker's do not: there is work to do."""
    commit = home.commit(FILES)

    outcome = home.ingest()(home.task(published=replace(_seen(commit), **changes)), _silent()[0])

    assert outcome.knowledge is not None


def test_who_insists_is_served(home: Home) -> None:
    """A forced ingest indexes the commit that is published already."""
    commit = home.commit(FILES)
    task = home.task(published=_seen(commit))

    outcome = home.ingest()(replace(task, payload={**task.payload, "force": True}), _silent()[0])

    assert outcome.knowledge is not None


def test_a_shared_store_serves_every_node(home: Home) -> None:
    """Vectors in Qdrant are as good as this worker's own, whichever node wrote them."""
    commit = home.commit(FILES)
    published = _seen(commit, vector_store="qdrant", node="attic")

    outcome = home.ingest(place=("qdrant", None))(home.task(published=published), _silent()[0])

    assert outcome.summary["unchanged"] is True


def test_a_repository_without_sources_can_never_work(home: Home) -> None:
    """Where there is nothing to index the job fails for good, and nothing is written."""
    home.commit({"README.md": "Words.\n"})

    with pytest.raises(Permanent) as caught:
        home.ingest()(home.task(), _silent()[0])

    assert caught.value.reason == "no_source_files"
    assert home.store.points == {}


@pytest.mark.parametrize("stage", ["fetch", "parse", "train"])
def test_a_cancel_takes_effect_at_the_next_border(home: Home, stage: str) -> None:
    """An ingest that is to stop does so before it writes a single vector."""
    home.commit(FILES)

    with pytest.raises(Cancelled):
        home.ingest()(home.task(), _silent(stop_at=stage)[0])

    assert home.store.points == {}


def test_a_payload_that_is_none_is_refused(home: Home) -> None:
    """A task whose payload is not that of an ingest is an error before anything is read."""
    with pytest.raises(ValueError, match="nonsense"):
        home.ingest()(home.task(payload={"nonsense": True}), _silent()[0])


def test_an_address_is_checked_on_this_machine(home: Home) -> None:
    """Whatever the source of this worker refuses ends the ingest."""

    def refuse(task: Task, payload: IngestPayload) -> Source:
        raise InvalidRepository

    with pytest.raises(InvalidRepository):
        replace(home.ingest(), source=refuse)(home.task(), _silent()[0])


def test_points_are_written_in_batches() -> None:
    """A hundred at a time, each told, and the last one as large as it is."""
    store, (reporter, told) = Store(), _silent()

    write_points(
        store, COLLECTION, [_point(7, number) for number in range(250)], dimension=DIMENSION, reporter=reporter
    )

    assert store.batches == [BATCH, BATCH, 50]
    assert told == [("store", 100, 250), ("store", 200, 250), ("store", 250, 250)]


def test_a_store_that_hesitates_is_asked_again() -> None:
    """A store that is away for a moment costs a moment."""
    store = Store(away=1)

    write_points(store, COLLECTION, [_point(7)], dimension=DIMENSION, reporter=_silent()[0])

    assert store.generations() == [7]


def test_a_store_that_stays_away_is_given_up() -> None:
    """After four tries the store is unavailable, and the attempt with it."""
    store = Store(away=100)

    with pytest.raises(StoreUnavailable):
        write_points(store, COLLECTION, [_point(7)], dimension=DIMENSION, reporter=_silent()[0])

    assert store.away == 96


def test_a_collection_of_another_dimension_is_not_tried_again() -> None:
    """What can never work is said at once."""
    store = Store(error=ConfigurationError("another dimension"))

    with pytest.raises(ConfigurationError):
        write_points(store, COLLECTION, [_point(7)], dimension=DIMENSION, reporter=_silent()[0])


def test_vectors_that_got_lost_are_noticed() -> None:
    """A store that holds fewer vectors than were written to it fails before anything is published."""
    points = [_point(7, number) for number in range(3)]

    with pytest.raises(StoreUnavailable) as caught:
        write_points(Store(loses=1), COLLECTION, points, dimension=DIMENSION, reporter=_silent()[0])

    assert (caught.value.details["expected"], caught.value.details["found"]) == (3, 2)


def test_other_generations_do_not_count() -> None:
    """What lies there of an earlier generation does not make up for a vector that got lost, nor disturb the rest."""
    store = _holding(_point(4, 1), _point(4, 2))

    write_points(store, COLLECTION, [_point(7, 1)], dimension=DIMENSION, reporter=_silent()[0])

    assert store.generations() == [4, 4, 7]


def _remove(store: Store, published: Published | None) -> dict[str, Any]:
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
        published=published,
    )
    return Remove(store=store)(task, _silent()[0]).summary


def test_a_removal_takes_every_vector() -> None:
    """Of a repository that is gone from the ledger nothing older than the removal is left."""
    store = _holding(_point(2), _point(4), _point(4, 1))

    assert _remove(store, None) == {"vectors_deleted": 3, "vectors_left": 0}
    assert store.points == {}


def test_a_removal_leaves_what_was_published_since() -> None:
    """A repository that was indexed again before its removal ran keeps its new vectors."""
    store = _holding(_point(2), _point(6), _point(6, 1))

    assert _remove(store, _seen("1" * 40, generation=6)) == {"vectors_deleted": 1, "vectors_left": 2}
    assert store.generations() == [6, 6]


def test_a_removal_leaves_others_alone() -> None:
    """Other repositories and other tenants keep their vectors."""
    store = _holding(_point(2), _point(2, repository_id="repo_" + "0" * 26), _point(2, tenant_id="another"))

    _remove(store, None)

    assert len(store.points) == 2


def test_a_removal_that_finds_no_store_is_tried_again() -> None:
    """A store that does not answer keeps the promise to delete open."""
    with pytest.raises(StoreUnavailable):
        _remove(Store(away=1), None)
