"""Fitting: a graph in, one vector a node out, whatever memory the device has."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edge_worker.compute.device import one_thread
from edge_worker.compute.embedding import Embedding, FitStats, random_vectors, read_vectors
from edge_worker.compute.graph import Adjacency, adjacency
from edge_worker.compute.ladder import climb_down, failure, guarded
from edge_worker.compute.prone import prone
from edge_worker.compute.skipgram import SkipGram
from edge_worker.compute.state import State
from edge_worker.compute.trainer import Parameters, Progress, Step


@dataclass(frozen=True, kw_only=True, eq=False)
class Connected:
    """The nodes of a graph that have an edge, numbered in order, and which of all nodes they are."""

    graph: Adjacency
    member: Tensor

    @classmethod
    def of(cls, edge_index: Tensor, num_nodes: int, weights: Tensor | None = None) -> Connected:
        """Return the connected part of a graph; its edges may come in any order."""
        member = torch.zeros(num_nodes, dtype=torch.bool)
        member[edge_index.reshape(-1)] = True
        number = member.cumsum(0) - 1
        return cls(graph=adjacency(number[edge_index], int(member.sum()), weights), member=member)

    def rows(self) -> tuple[Tensor, Tensor]:
        """Return the rows (CSR) of the whole graph; a node without an edge has none."""
        first = torch.zeros(self.member.numel() + 1, dtype=torch.int64)
        first[1:][self.member] = self.graph.degree
        return first.cumsum_(0), self.member.nonzero().squeeze(1)[self.graph.neighbours]


def embed(
    whole: Connected, parameters: Parameters, *, device: torch.device, progress: Progress, step: Step = SkipGram.step
) -> Embedding:
    """Return the embedding of a graph.

    On the CPU it is a function of graph, parameters and seed, to the bit; on a GPU up to the order of sums.
    ``progress`` is told at the start, after each epoch and between; what it raises, ``Cancelled`` for one, comes out.

    Raises:
        Permanent: ``training_failed``; the device's memory is free again.
    """
    began = time.perf_counter()
    graph, member = whole.graph, whole.member
    vectors, trained, used, state = torch.empty(0, parameters.dim), None, device, None
    if graph.num_nodes == 0:
        progress(parameters.epochs, parameters.epochs)
        vectors = with_isolated(whole, vectors, parameters.seed)
    elif parameters.method == "prone":
        used = torch.device("cpu")
        with one_thread(), torch.inference_mode(), guarded():
            progress(0, parameters.epochs)
            vectors = with_isolated(whole, prone(graph.both_ways(), parameters.dim, parameters.seed), parameters.seed)
            progress(parameters.epochs, parameters.epochs)
    else:
        with one_thread(), torch.inference_mode(), guarded():
            trained, used = climb_down(graph, parameters, device=device, progress=progress, step=step)
            pairs, distances = trained.tables.pairs().cpu(), trained.tables.distances().cpu()
            vectors = with_isolated(whole, read_vectors(pairs, graph, smooth=parameters.smooth), parameters.seed)
            state = _state(whole, parameters, pairs, distances, vectors)
    if not bool(vectors.isfinite().all()):
        raise failure("the vectors grew without bound")
    trains = parameters.method == "node2vec"
    walks = graph.num_nodes * parameters.walks_per_node * parameters.epochs if trains else 0
    return Embedding(
        vectors=vectors.numpy(),
        isolated=(~member).numpy(),
        moved=np.ones(member.numel(), dtype=np.bool_),
        state=state,
        stats=FitStats.of(walks, began=began, device=used, trained=trained),
    )


def _state(whole: Connected, parameters: Parameters, pairs: Tensor, distances: Tensor, vectors: Tensor) -> State | None:
    if whole.graph.weights is not None or not whole.graph.symmetric:
        return None
    return State(
        parameters=parameters,
        edges=edges_once(whole).numpy(),
        rows=of_all(whole, pairs).numpy(),
        distances=of_all(whole, distances).numpy(),
        vectors=vectors.numpy(),
    )


def with_isolated(whole: Connected, vectors: Tensor, seed: int) -> Tensor:
    """Return vectors of all nodes; those without an edge get vectors of length 1 that mean nothing."""
    found = of_all(whole, vectors)
    alone = ~whole.member
    found[alone] = random_vectors(int(alone.sum()), vectors.shape[1], seed)
    return found


def of_all(whole: Connected, values: Tensor) -> Tensor:
    """Return values of the connected nodes as values of all, zero for the others."""
    if bool(whole.member.all()):
        return values
    spread = values.new_zeros(whole.member.numel(), *values.shape[1:])
    spread[whole.member] = values
    return spread


def edges_once(whole: Connected) -> Tensor:
    """Return each edge of a symmetric graph once, by the numbers of all nodes, sorted; int32, shape (edges, 2)."""
    of_all = whole.member.nonzero().squeeze(1)
    source, target = of_all[whole.graph.sources], of_all[whole.graph.neighbours]
    once = source < target
    return torch.stack([source[once], target[once]], 1).to(torch.int32)
