"""Node2Vec: the file graph in, one vector a file out, whatever memory the device has."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch_geometric.data import Data

from edge_worker.compute.device import one_thread, release
from edge_worker.compute.skipgram import SkipGram
from edge_worker.compute.trainer import Parameters, Progress, Step, Trained, train
from edge_worker.compute.walker import Adjacency, adjacency
from shared.errors import Permanent
from shared.logs import get_logger

log = get_logger(__name__)

_HALVINGS = 2


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Embedding:
    """One float32 vector of length 1 a node, and which nodes have no edge: the vectors of those are random."""

    vectors: NDArray[np.float32]
    isolated: NDArray[np.bool_]
    stats: FitStats


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One way to run a fit: a device and a batch."""

    device: torch.device
    batch: int


def fit(
    data: Data, parameters: Parameters, *, device: torch.device, progress: Progress, step: Step = SkipGram.step
) -> Embedding:
    """Return the embedding of a graph that ``graph_data`` made.

    On the CPU it is a function of graph, parameters and seed, to the bit; on a GPU up to the order of sums. When
    the device's memory does not suffice the batch is halved, twice at most, then the CPU takes over.
    ``progress`` is told at the start, after each epoch and between; what it raises, ``Cancelled`` for one, comes out.

    Raises:
        Permanent: ``training_failed``; the device's memory is free again.
    """
    began = time.perf_counter()
    graph, isolated = _connected(data)
    vectors = _isolated_vectors(isolated.numel(), parameters)
    trained, used = None, device
    if graph.num_nodes:
        with one_thread(), torch.inference_mode(), _guarded():
            trained, used = _climb_down(graph, parameters, device=device, progress=progress, step=step)
            vectors[~isolated] = trained.vectors.cpu()
            if not bool(vectors.isfinite().all()):
                raise _failure("the vectors grew without bound")
    else:
        progress(parameters.epochs, parameters.epochs)
    walks = graph.num_nodes * parameters.walks_per_node * parameters.epochs
    seconds = time.perf_counter() - began
    return Embedding(
        vectors=vectors.numpy(),
        isolated=isolated.numpy(),
        stats=FitStats(
            walks=walks,
            walks_per_second=round(walks / seconds, 1),
            seconds=round(seconds, 4),
            device=used.type,
            batch=trained.batch if trained else 0,
            loss=round(trained.loss, 6) if trained else None,
        ),
    )


def rungs(device: torch.device, batch: int) -> tuple[Rung, ...]:
    """Return the ways to try, each easier on the device's memory than the one before."""
    halved = tuple(Rung(device=device, batch=batch >> times) for times in range(_HALVINGS + 1))
    if device.type == "cpu":
        return halved
    return (*halved, Rung(device=torch.device("cpu"), batch=batch))


def _climb_down(
    graph: Adjacency, parameters: Parameters, *, device: torch.device, progress: Progress, step: Step
) -> tuple[Trained, torch.device]:
    *tries, last = rungs(device, parameters.batch)
    for rung in tries:
        try:
            trained = train(graph, parameters, device=rung.device, batch=rung.batch, progress=progress, step=step)
        except torch.OutOfMemoryError as error:
            traceback.clear_frames(error.__traceback__)
            log.warning("fit_ran_out_of_memory", device=rung.device.type, batch=rung.batch)
        else:
            return trained, rung.device
        release()
    trained = train(graph, parameters, device=last.device, batch=last.batch, progress=progress, step=step)
    return trained, last.device


@contextmanager
def _guarded() -> Iterator[None]:
    """Free what a failed fit held, and call a failure of torch by its name."""
    try:
        yield
    except Exception as error:
        # The frames of the traceback hold the tables, on the device, for as long as somebody holds the error.
        traceback.clear_frames(error.__traceback__)
        release()
        if not isinstance(error, RuntimeError):
            raise
        raise _failure(str(error)) from error


def _failure(cause: str) -> Permanent:
    return Permanent(
        "training_failed",
        "Node2Vec could not be trained on this graph. Nothing of this run is visible; "
        "see the worker's log, then submit the repository again.",
        cause=cause[:500],
    )


def _connected(data: Data) -> tuple[Adjacency, Tensor]:
    """Return the graph of the nodes that have an edge, renumbered in order, and which nodes have none."""
    edge_index: Tensor = data.edge_index
    num_nodes = int(data.num_nodes)
    degree = torch.bincount(edge_index[0], minlength=num_nodes)
    number = (degree > 0).cumsum(0) - 1
    return adjacency(number[edge_index], int((degree > 0).sum())), degree == 0


def _isolated_vectors(num_nodes: int, parameters: Parameters) -> Tensor:
    generator = torch.Generator().manual_seed(parameters.seed)
    return functional.normalize(torch.randn((num_nodes, parameters.dim), generator=generator))
