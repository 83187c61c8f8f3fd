"""Structure: one commit of a repository becomes a graph, vectors, and each file's nearest few."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edge_worker.compute.device import Wanted
from edge_worker.handlers.base import Outcome, Published, Reporter, Task
from edge_worker.handlers.embedding import Before, Embedded, Members, embed, unpacked
from edge_worker.handlers.findings import findings
from edge_worker.handlers.reading import Structure
from edge_worker.handlers.stopwatch import Stopwatch
from edge_worker.handlers.training import Tag, TrainingStates
from edge_worker.handlers.vectors import COLLECTIONS, Shelf
from edge_worker.source.bare import BareRepository
from shared.jobs.payloads import IngestPayload
from shared.stores.base import Point, VectorStore


@dataclass(frozen=True, kw_only=True)
class StructureHalf:
    """Makes the graph of an ingest."""

    store: VectorStore
    states: TrainingStates
    device: Wanted
    #: Where this worker writes vectors: the kind of store, and the node when they lie on its own disk.
    place: tuple[str, str | None]

    def is_done(self, task: Task, payload: IngestPayload, commit: str) -> bool:
        """Return whether the graph of this commit is published as this worker would make it."""
        known = self._published_alike(task, payload)
        return known is not None and known.commit == commit and not payload.force

    def __call__(
        self,
        task: Task,
        payload: IngestPayload,
        bare: BareRepository,
        read: Callable[[], Structure],
        *,
        watch: Stopwatch,
        reporter: Reporter,
    ) -> Outcome:
        """Return what is to be published of a fetched commit; its vectors are written, and nobody sees them yet.

        Raises:
            JobSignal: as its message says; nothing of this attempt is visible.
            StoreUnavailable: the vectors could not be written.
        """
        with bare, watch.stage("parse"):
            structure = read()
        shelf = Shelf(store=self.store, collection=COLLECTIONS[payload.method], task=task)
        with watch.stage("train"):
            before = None if payload.force else self._before(shelf, payload)
            embedded = embed(
                Members.of(structure, payload.include), payload, before, wanted=self.device, reporter=reporter
            )
        reporter.stage("neighbours")
        with watch.stage("neighbours"):
            similar = embedded.similar()
        reporter.check()
        with watch.stage("store"):
            written = self._write(shelf, structure, embedded, before, reporter)
        reporter.stage("analyse")
        return findings(structure, embedded, similar, written=written, watch=watch)

    def _published_alike(self, task: Task, payload: IngestPayload) -> Published | None:
        """Return what is published if it was made by the same parameters and lies where this worker writes.

        Which halves were asked for is none of them: a text that came along, or did not, has no part in the graph.
        """
        known, (store, node) = task.published, self.place
        if known is None or known.removed or (known.parameters, known.vector_store) != (payload.parameters(), store):
            return None
        return known if node is None or known.node == node else None

    def _before(self, shelf: Shelf, payload: IngestPayload) -> Before | None:
        """Return what the published generation can hand on: its state is here, and so is every vector of it."""
        published = self._published_alike(shelf.task, payload)
        if published is None:
            return None
        before = unpacked(self.states.load(_tag(shelf, published.generation)), payload)
        return before if before is not None and shelf.holds(len(before.paths)) else None

    def _write(
        self, shelf: Shelf, structure: Structure, embedded: Embedded, before: Before | None, reporter: Reporter
    ) -> int:
        """Write what moved, keep the rest and the training's state; return how many vectors were written."""
        kept = embedded.kept(before)
        total = len(embedded.members.numbers) - (kept.count if kept is not None else 0)
        points = _points(shelf.task, structure, embedded, every=kept is None)
        shelf.write(points, total, kept=kept, reporter=reporter)
        packed = embedded.packed()
        if packed is not None:
            # Of use only once this very generation is published, and deleted with its vectors.
            self.states.keep(_tag(shelf, shelf.task.generation), packed)
        return total


def _points(task: Task, structure: Structure, embedded: Embedded, *, every: bool) -> Iterator[Point]:
    for place, number in enumerate(embedded.members.numbers):
        if every or embedded.moved[place]:
            file = structure.files[number]
            yield Point(
                tenant_id=task.tenant_id,
                repository_id=task.repository_id,
                repository=task.repository,
                generation=task.generation,
                path=file.path,
                language=file.language,
                isolated=bool(embedded.isolated[place]),
                vector=embedded.vectors[place].tolist(),
            )


def _tag(shelf: Shelf, generation: int) -> Tag:
    return Tag(
        tenant_id=shelf.task.tenant_id,
        repository_id=shelf.task.repository_id,
        collection=shelf.collection,
        generation=generation,
    )
