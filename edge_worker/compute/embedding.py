"""Embedding: what comes of a graph, and how it is read from a training's tables."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from edge_worker.compute.graph import Adjacency
from edge_worker.compute.state import State
from edge_worker.compute.trainer import Trained


@dataclass(frozen=True, kw_only=True)
class FitStats:
    """Figures about one fit."""

    walks: int
    walks_per_second: float
    seconds: float
    device: str
    #: Walks a step, after every halving; 0 when there was nothing to train on.
    batch: int
    #: Of the last batch, in nats a true pair; None when there was nothing to train on.
    loss: float | None
    #: It went on from an earlier training.
    warm: bool = False

    @classmethod
    def of(
        cls, walks: int, *, began: float, device: torch.device, trained: Trained | None, warm: bool = False
    ) -> FitStats:
        """Return the figures of a fit that began at a time of ``perf_counter`` and ends now."""
        seconds = time.perf_counter() - began
        return cls(
            walks=walks,
            walks_per_second=round(walks / seconds, 1),
            seconds=round(seconds, 4),
            device=device.type,
            batch=trained.batch if trained else 0,
            loss=round(trained.loss, 6) if trained else None,
            warm=warm,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Embedding:
    """One float32 vector of length 1 a node, and which nodes have no edge: the vectors of those are random."""

    vectors: NDArray[np.float32]
    isolated: NDArray[np.bool_]
    #: Which vectors are not, to the bit, those that the node had before; after a whole fit all.
    moved: NDArray[np.bool_]
    #: What an update can go on from; None where none can.
    state: State | None
    stats: FitStats


def read_vectors(pairs: Tensor, graph: Adjacency, *, smooth: int) -> Tensor:
    """Return one vector of length 1 a node: the sum of its two rows, pulled ``smooth`` times to its neighbours' mean.

    The sum is what cosine ranks best by: it is near to its neighbours and to those with the same neighbours. The mean
    takes out what few walks leave to chance; it costs next to nothing beside them.
    """
    vectors, graph = pairs.sum(1), graph.both_ways()
    functional.normalize(vectors, out=vectors)
    for _ in range(smooth):
        mean = neighbours_mean(vectors, graph).add_(vectors)
        vectors = functional.normalize(mean, out=mean)
    return vectors


def neighbours_mean(vectors: Tensor, graph: Adjacency) -> Tensor:
    """Return the mean of the vectors of each node's neighbours, by weight."""
    weights = None if graph.weights is None else (graph.weights / graph.strength()[graph.sources]).to(vectors)
    return functional.embedding_bag(
        graph.neighbours,
        vectors,
        graph.first,
        mode="mean" if weights is None else "sum",
        per_sample_weights=weights,
        include_last_offset=True,
    )


def random_vectors(count: int, dim: int, seed: int) -> Tensor:
    """Return vectors of length 1 that mean nothing, for nodes without an edge."""
    return functional.normalize(torch.randn((count, dim), generator=torch.Generator().manual_seed(seed)))
