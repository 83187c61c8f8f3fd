"""What handlers work with in a test: a vector store in memory, and a repository on this disk."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from plane_factories import REPOSITORY, REPOSITORY_ID

from edge_worker.handlers.base import Published, Reporter, Task
from edge_worker.handlers.ingest import Ingest
from edge_worker.handlers.reading import Source
from edge_worker.handlers.structure import StructureHalf
from edge_worker.handlers.text import TextHalf
from edge_worker.handlers.training import TrainingStates
from edge_worker.handlers.vectors import COLLECTIONS, DIMENSION
from edge_worker.models.vectors import DocumentEmbedder
from edge_worker.source.fetch import FetchLimits
from edge_worker.source.git import Access
from shared.errors import ConfigurationError, StoreUnavailable
from shared.jobs.payloads import IngestPayload
from shared.ledger.records import DEFAULT_TENANT
from shared.repositories import RepositoryAddress
from shared.stores.base import Hit, Point
from shared.stores.lance_passages import LancePassageStore

TENANT = str(DEFAULT_TENANT)
COLLECTION = COLLECTIONS["node2vec"]


@dataclass
class Store:
    """A vector store in memory."""

    points: dict[str, Point] = field(default_factory=dict)
    collections: dict[str, str] = field(default_factory=dict)
    until: dict[str, int] = field(default_factory=dict)
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
        for point in points[self.loses :]:
            self.points[point.id] = point
            self.collections[point.id] = collection
            self.until[point.id] = point.generation + 1

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
        """Let points be seen by a later generation, too."""
        self._check()
        for one in self._seen(collection, tenant_id, repository_id, published):
            if one.path not in without:
                self.until[one.id] = max(self.until[one.id], generation + 1)

    def nearest(self, collection: str, vector: Sequence[float], **where: Any) -> list[Hit]:
        """Find nothing."""
        return []

    def count(self, collection: str, *, tenant_id: str, repository_id: str, generation: int | None = None) -> int:
        """Count a repository's points."""
        self._check()
        if generation is not None:
            return len(self._seen(collection, tenant_id, repository_id, generation))
        return len(self._of(collection, tenant_id, repository_id))

    def discard_below(
        self, collection: str, *, tenant_id: str, repository_id: str, generation: int, keep: int | None = None
    ) -> None:
        """Delete a repository's older points."""
        self._check()
        kept = [] if keep is None else self._seen(collection, tenant_id, repository_id, keep)
        for one in self._of(collection, tenant_id, repository_id):
            if one.generation < generation and one not in kept:
                del self.points[one.id]

    def close(self) -> None:
        """Hold nothing."""

    def seen(self, generation: int, collection: str = COLLECTION) -> dict[str, Point]:
        """Return what a generation of the repository sees, by path."""
        return {point.path: point for point in self._seen(collection, TENANT, REPOSITORY_ID, generation)}

    def generations(self) -> list[int]:
        """Return the generations that it holds, one for each point."""
        return sorted(point.generation for point in self.points.values())

    def _of(self, collection: str, tenant: str, repository: str) -> list[Point]:
        mine = [one for one in self.points.values() if (one.tenant_id, one.repository_id) == (tenant, repository)]
        return [one for one in mine if self.collections[one.id] == collection]

    def _seen(self, collection: str, tenant: str, repository: str, generation: int) -> list[Point]:
        mine = self._of(collection, tenant, repository)
        return [one for one in mine if one.generation <= generation < self.until[one.id]]

    def _check(self) -> None:
        if self.error is not None:
            raise self.error
        if self.away > 0:
            self.away -= 1
            raise StoreUnavailable


def a_point(generation: int, number: int = 0, **changes: Any) -> Point:
    """Return a point of a generation."""
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


def holding(*points: Point) -> Store:
    """Return a store that holds these points, each seen by its own generation."""
    store = Store()
    store.upsert(COLLECTION, points)
    store.batches.clear()
    return store


def silent(stop_at: str | None = None) -> tuple[Reporter, list[tuple[str, int, int]]]:
    """Return a reporter and what it was told; it asks for a stop once a stage of this name was told."""
    told: list[tuple[str, int, int]] = []

    def send(name: str, done: int, total: int) -> None:
        told.append((name, done, total))

    return Reporter(send, lambda: any(name == stop_at for name, _, _ in told)), told


class Home:
    """A repository on this disk, and an ingest that may read it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path, self.work = folder / "repository", folder / "work"
        self.path.mkdir()
        self.work.mkdir()
        self._git("init", "--quiet", "--initial-branch=main")
        self.store = Store()
        self.states = TrainingStates(folder=folder / "training")
        self.cache = folder / "parsed.cache"
        self.passages = LancePassageStore(path=folder / "lancedb")
        #: What embeds text; a test that wants text puts a model here.
        self.model: Callable[[], DocumentEmbedder] = self.model_missing
        self.attempts = 0

    @staticmethod
    def model_missing() -> DocumentEmbedder:
        """Have no model."""
        raise ConfigurationError("The text model is missing on disk.")

    def commit(self, files: dict[str, str | None]) -> str:
        """Commit files; return the commit. ``None`` takes a file away."""
        for name, text in files.items():
            if text is None:
                (self.path / name).unlink()
                continue
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
            "payload": self.payload(),
            "work_dir": folder,
        }
        return Task(**{**values, **changes})

    def payload(self, **changes: Any) -> dict[str, Any]:
        """Return what is asked, as the ledger has it."""
        return IngestPayload(url=str(self.path), **changes).model_dump(mode="json")

    def ingest(self, place: tuple[str, str | None] = ("lancedb", "den")) -> Ingest:
        """Return the handler."""
        structure = StructureHalf(store=self.store, states=self.states, device="cpu", place=place)
        text = TextHalf(store=self.passages, model=self.model, cache=self.folder / "vectors.cache", place=place)
        return Ingest(source=self._source, structure=structure, text=text)

    def _source(self, task: Task, payload: IngestPayload) -> Source:
        return Source(
            address=RepositoryAddress(name=task.repository, url=payload.url, host=None),
            ref=payload.ref,
            folder=task.work_dir,
            limits=FetchLimits(
                seconds=60, max_bytes=1 << 24, max_files=100, max_file_bytes=1 << 16, free_bytes=1 << 20
            ),
            access=Access(private_hosts=(), local_roots=(self.path.parent,), token=None),
            cache=self.cache,
        )

    def _git(self, *arguments: str) -> str:
        names = {f"GIT_{who}_{what}": "x@y.z" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        env = {"PATH": os.environ["PATH"], "HOME": str(self.path), "GIT_CONFIG_NOSYSTEM": "1", **names}
        done = subprocess.run(["git", *arguments], cwd=self.path, env=env, capture_output=True, check=True)
        return done.stdout.decode().strip()


def published(commit: str, **changes: Any) -> Published:
    """Return what is published: this commit, of generation 4, by the default parameters, on the node ``den``."""
    values = {
        "commit": commit,
        "generation": 4,
        "parameters": IngestPayload(url="x").parameters(),
        "vector_store": "lancedb",
        "node": "den",
    }
    return Published(**{**values, **changes})
