"""Ingest: one commit of a repository becomes a graph, vectors, and each file's nearest few."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from edge_worker.compute.data import graph_data
from edge_worker.compute.device import choose_device
from edge_worker.compute.neighbours import nearest
from edge_worker.compute.node2vec import Embedding, fit
from edge_worker.compute.trainer import Parameters
from edge_worker.handlers.base import Outcome, Reporter, Task
from edge_worker.handlers.reading import Source, Structure
from edge_worker.handlers.vectors import write_points
from shared.jobs.payloads import IngestPayload
from shared.knowledge import FileRow, Knowledge
from shared.stores.base import Point, VectorStore
from shared.text import plain

#: Method and dimension are part of the name: other vectors are another collection.
COLLECTION = "structure_node2vec_64"
DIMENSION = 64
_NEAREST = 10


@dataclass
class Stopwatch:
    """Seconds by stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage."""
        began = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - began, 3)


@dataclass(frozen=True, kw_only=True)
class Ingest:
    """The handler. ``source`` says how this worker may reach what a task names."""

    source: Callable[[Task, IngestPayload], Source]
    store: VectorStore
    device: Literal["auto", "cpu", "cuda"]
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
        if not payload.force and self._published_already(task, payload, commit):
            return Outcome(
                summary={
                    "unchanged": True,
                    "commit": commit,
                    "note": "This commit is published already; nothing to do.",
                }
            )
        with watch.stage("fetch"):
            bare, read = source.read(commit, reporter)
        with bare, watch.stage("parse"):
            structure = read()
        embedding = self._train(structure, payload, reporter, watch)
        with watch.stage("neighbours"):
            similar = nearest(embedding.vectors, embedding.isolated, _NEAREST)
        with watch.stage("store"):
            points = _points(task, structure, embedding)
            write_points(self.store, COLLECTION, points, dimension=DIMENSION, reporter=reporter)
        return _outcome(structure, embedding, similar, watch)

    def _published_already(self, task: Task, payload: IngestPayload, commit: str) -> bool:
        known, (store, node) = task.published, self.place
        return (
            known is not None
            and not known.removed
            and known.commit == commit
            and known.parameters.get("epochs") == payload.epochs
            and known.vector_store == store
            and (node is None or known.node == node)
        )

    def _train(self, structure: Structure, payload: IngestPayload, reporter: Reporter, watch: Stopwatch) -> Embedding:
        reporter.stage("train", 0, payload.epochs)
        data = graph_data(len(structure.files), [(edge.source, edge.target) for edge in structure.graph.edges])
        with watch.stage("train"):
            return fit(
                data,
                Parameters(dim=DIMENSION, epochs=payload.epochs),
                device=choose_device(self.device, len(structure.files)),
                progress=lambda done, total: reporter.stage("train", done, total),
            )


def _points(task: Task, structure: Structure, embedding: Embedding) -> list[Point]:
    return [
        Point(
            tenant_id=task.tenant_id,
            repository_id=task.repository_id,
            repository=task.repository,
            generation=task.generation,
            path=file.path,
            language=file.language,
            isolated=bool(embedding.isolated[number]),
            vector=embedding.vectors[number].tolist(),
        )
        for number, file in enumerate(structure.files)
    ]


def _outcome(
    structure: Structure, embedding: Embedding, similar: tuple[tuple[tuple[int, float], ...], ...], watch: Stopwatch
) -> Outcome:
    rows = tuple(
        FileRow(
            number=number,
            path=file.path,
            language=file.language,
            size=file.size,
            blob=file.oid,
            status=structure.statuses[number],
            isolated=bool(embedding.isolated[number]),
            similar=similar[number],
        )
        for number, file in enumerate(structure.files)
    )
    stats: dict[str, Any] = {
        **asdict(structure.graph.stats),
        "left_out": {why: count for why, count in structure.skipped.items() if why != "other_language"},
        "unreadable": [plain(path) for path in structure.graph.unreadable[:20]],
        "isolated": sum(row.isolated for row in rows),
        "training": asdict(embedding.stats),
        "seconds": watch.seconds,
    }
    knowledge = Knowledge(commit=structure.commit, files=rows, edges=structure.graph.edges, stats=stats)
    summary = {"commit": structure.commit, "files": len(rows), "edges": len(knowledge.edges), **stats}
    return Outcome(summary=summary, knowledge=knowledge)
