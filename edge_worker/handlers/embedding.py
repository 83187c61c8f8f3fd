"""Embedding: which files get a vector, and how: on from the published generation where little changed, else anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge_worker.compute.data import graph_data
from edge_worker.compute.device import Wanted, choose_device
from edge_worker.compute.embedding import Embedding
from edge_worker.compute.neighbours import Nearest, nearest
from edge_worker.compute.node2vec import fit
from edge_worker.compute.state import State, pack, rows_of, unpack
from edge_worker.compute.trainer import Parameters, preset
from edge_worker.compute.warm import update
from edge_worker.handlers.base import Reporter
from edge_worker.handlers.reading import Structure
from edge_worker.handlers.vectors import DIMENSION, Kept
from shared.errors import Permanent
from shared.jobs.payloads import IngestPayload
from shared.logs import get_logger

log = get_logger(__name__)

#: What is no handwriting of the repository's own gets no vector by itself.
ASIDE = frozenset({"generated", "minified", "vendored"})
_NEAREST = 10

#: ``none``: there was no file to give a vector to.
Way = Literal["fit", "update", "none"]


@dataclass(frozen=True, kw_only=True)
class Members:
    """The files that get a vector, in order: their numbers, their paths, and the edges between them by place."""

    numbers: tuple[int, ...]
    paths: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, structure: Structure, include: Sequence[str]) -> Members:
        """Return the members of a commit: all files but those set aside, unless they are asked for."""
        aside = ASIDE.difference(include)
        numbers = tuple(number for number, file in enumerate(structure.files) if aside.isdisjoint(file.flags))
        place = {number: place for place, number in enumerate(numbers)}
        edges = ((place.get(edge.source), place.get(edge.target)) for edge in structure.graph.edges)
        return cls(
            numbers=numbers,
            paths=tuple(structure.files[number].path for number in numbers),
            edges=tuple((source, target) for source, target in edges if source is not None and target is not None),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Before:
    """What an earlier run left: its state, and the paths that it had vectors of."""

    state: State
    paths: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Embedded:
    """A vector for each member, by place, and which of them are new; ``way`` says how they came about."""

    members: Members
    vectors: NDArray[np.float32]
    isolated: NDArray[np.bool_]
    #: Which vectors are not the ones that are published under the same path.
    moved: NDArray[np.bool_]
    way: Way
    state: State | None
    stats: dict[str, Any]

    def similar(self) -> tuple[Nearest, ...]:
        """Return each member's nearest few as (number of the file, cosine), best first."""
        numbers = self.members.numbers
        found = nearest(self.vectors, self.isolated, _NEAREST)
        return tuple(tuple((numbers[place], score) for place, score in few) for few in found)

    def kept(self, before: Before | None) -> Kept | None:
        """Return what of the published points stays as it is; None when every vector has to be written."""
        if before is None or self.way != "update" or bool(self.moved.all()):
            return None
        stay = {self.members.paths[place] for place in np.flatnonzero(~self.moved)}
        return Kept(count=len(stay), without=tuple(path for path in before.paths if path not in stay))

    def packed(self) -> bytes | None:
        """Return what the next run can go on from, if it can."""
        return None if self.state is None else pack(self.state, self.members.paths)


def parameters_of(payload: IngestPayload) -> Parameters:
    """Return what a payload asks of the training."""
    return preset(payload.preset, dim=DIMENSION, epochs=payload.epochs, method=payload.method)


def unpacked(data: bytes | None, payload: IngestPayload) -> Before | None:
    """Return what was kept of an earlier run; None when it is none, or was made by other parameters."""
    found = None if data is None else unpack(data, parameters_of(payload))
    return None if found is None else Before(state=found[0], paths=found[1])


def embed(
    members: Members, payload: IngestPayload, before: Before | None, *, wanted: Wanted, reporter: Reporter
) -> Embedded:
    """Return the members' vectors: those of ``before``, moved where the graph changed, else from a fit.

    Raises:
        Permanent: ``training_failed`` or ``gpu_missing``.
        Cancelled: somebody asked for it.
    """
    reporter.stage("train", 0, payload.epochs)
    if not members.numbers:
        return _nothing(members)
    data, parameters = graph_data(len(members.numbers), members.edges), parameters_of(payload)
    device, progress = choose_device(wanted, len(members.numbers)), partial(reporter.stage, "train")
    if before is not None:
        rows = rows_of(before.paths, members.paths)
        with _failure_forgiven():
            warm = update(before.state, data, rows, parameters, device=device, progress=progress)
            if warm is not None:
                return _embedded(members, warm, "update")
    return _embedded(members, fit(data, parameters, device=device, progress=progress), "fit")


@contextmanager
def _failure_forgiven() -> Iterator[None]:
    """Let an update that came to nothing be as good as none: a fit begins elsewhere, and may well succeed."""
    try:
        yield
    except Permanent as error:
        if error.reason != "training_failed":
            raise
        log.warning("training_update_failed", cause=error.details.get("cause"))


def _embedded(members: Members, embedding: Embedding, way: Way) -> Embedded:
    return Embedded(
        members=members,
        vectors=embedding.vectors,
        isolated=embedding.isolated,
        moved=embedding.moved,
        way=way,
        state=embedding.state,
        stats=asdict(embedding.stats),
    )


def _nothing(members: Members) -> Embedded:
    none = np.zeros(0, dtype=np.bool_)
    vectors = np.zeros((0, DIMENSION), dtype=np.float32)
    return Embedded(members=members, vectors=vectors, isolated=none, moved=none, way="none", state=None, stats={})
