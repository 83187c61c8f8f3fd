"""Ladder: a training on whatever memory there is, each try easier than the one before."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from edge_worker.compute.device import release
from edge_worker.compute.graph import Adjacency
from edge_worker.compute.skipgram import SkipGram
from edge_worker.compute.trainer import Parameters, Progress, Step, Trained, Warm, train
from shared.errors import Permanent
from shared.logs import get_logger

log = get_logger(__name__)

_HALVINGS = 2
#: A GPU takes so many times the batch: its steps cost their start, not their size.
_GPU_BATCH = 4


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One way to run a training: a device and a batch."""

    device: torch.device
    batch: int


def rungs(device: torch.device, batch: int) -> tuple[Rung, ...]:
    """Return the ways to try, each easier on the device's memory than the one before."""
    first = batch if device.type == "cpu" else batch * _GPU_BATCH
    halved = tuple(Rung(device=device, batch=first >> times) for times in range(_HALVINGS + 1))
    if device.type == "cpu":
        return halved
    return (*halved, Rung(device=torch.device("cpu"), batch=batch))


def climb_down(
    graph: Adjacency,
    parameters: Parameters,
    *,
    device: torch.device,
    progress: Progress,
    step: Step = SkipGram.step,
    warm: Warm | None = None,
) -> tuple[Trained, torch.device]:
    """Train, and return where that was.

    When memory runs out the batch is halved, twice at most, then the CPU takes over.

    Raises:
        OutOfMemoryError: even the last way did not suffice.
    """
    *tries, last = rungs(device, parameters.batch)
    for rung in tries:
        try:
            found = train(
                graph, parameters, device=rung.device, batch=rung.batch, progress=progress, step=step, warm=warm
            )
        except torch.OutOfMemoryError as error:
            traceback.clear_frames(error.__traceback__)
            log.warning("fit_ran_out_of_memory", device=rung.device.type, batch=rung.batch)
        else:
            return found, rung.device
        release()
    found = train(graph, parameters, device=last.device, batch=last.batch, progress=progress, step=step, warm=warm)
    return found, last.device


@contextmanager
def guarded() -> Iterator[None]:
    """Free what a failed fit held, and call a failure of torch by its name.

    Raises:
        Permanent: ``training_failed``; the device's memory is free again.
    """
    try:
        yield
    except Exception as error:
        # The frames of the traceback hold the tables, on the device, for as long as somebody holds the error.
        traceback.clear_frames(error.__traceback__)
        release()
        if not isinstance(error, RuntimeError):
            raise
        raise failure(str(error)) from error


def failure(cause: str) -> Permanent:
    """Return the error of a training that came to nothing."""
    return Permanent(
        "training_failed",
        "Node2Vec could not be trained on this graph. Nothing of this run is visible; "
        "see the worker's log, then submit the repository again.",
        cause=cause[:500],
    )
