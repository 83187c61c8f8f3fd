"""Ingest: one commit of a repository becomes a graph, vectors, and each file's nearest few."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edge_worker.compute.device import Wanted
from edge_worker.handlers.base import Outcome, Reporter, Task
from edge_worker.handlers.embedding import Before, Embedded, Members, embed, unpacked
from edge_worker.handlers.findings import findings
from edge_worker.handlers.reading import Source, Structure
from edge_worker.handlers.stopwatch import Stopwatch
from edge_worker.handlers.training import Tag, TrainingStates
from edge_worker.handlers.vectors import COLLECTIONS, Shelf
from shared.jobs.payloads import IngestPayload
from shared.stores.base import Point, VectorStore


@dataclass(frozen=True, kw_only=True)
class Ingest:
    """The handler. ``source`` says how this worker may reach what a task names."""

    source: Callable[[Task, IngestPayload], Source]
    store: VectorStore
    states: TrainingStates
    device: Wanted
    #: Where this worker writes vectors: the kind of store, and the node when they lie on its own disk.
    place: tuple[str, str | None]

    def __call__(self, task: Task, reporter: Reporter) -> Outcome:
        """Return what is to be published, or that this commit is published already.

        Raises:
            JobSignal: as its message says; nothing of this attempt is visible.
            StoreUnavailable: the vectors could not be written.
        """
        payload = IngestPayload.model_validate(task.payload)
        source, watch = self.source(task, payload), Stopwatch()
        reporter.stage("fetch")
        with watch.stage("resolve"):
            commit = source.commit(reporter)
        alike = self._published_alike(task, payload)
        if alike and not payload.force and task.published is not None and task.published.commit == commit:
            note = "This commit is published already; nothing to do."
            return Outcome(summary={"unchanged": True, "commit": commit, "note": note})
        with watch.stage("fetch"):
            bare, read = source.read(commit, reporter)
        with bare, watch.stage("parse"):
            structure = read()
        shelf = Shelf(store=self.store, collection=COLLECTIONS[payload.method], task=task)
        with watch.stage("train"):
            before = self._before(shelf, payload) if alike and not payload.force else None
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

    def _published_alike(self, task: Task, payload: IngestPayload) -> bool:
        """Return whether what is published was made by the same parameters and lies where this worker writes."""
        known, (store, node) = task.published, self.place
        return (
            known is not None
            and not known.removed
            and known.parameters == payload.parameters()
            and known.vector_store == store
            and (node is None or known.node == node)
        )

    def _before(self, shelf: Shelf, payload: IngestPayload) -> Before | None:
        """Return what the published generation can hand on: its state is here, and so is every vector of it."""
        published = shelf.task.published
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
