"""Trainer: walks a graph and trains on the walks, on one device with one batch size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from edge_worker.compute.graph import Adjacency
from edge_worker.compute.noise import Noise
from edge_worker.compute.skipgram import SkipGram, Tables, Window
from edge_worker.compute.spectral import spectral_start
from edge_worker.compute.walker import Walker
from edge_worker.compute.walkers import walker_for

#: Told (epochs done, epochs in all); may raise, and what it raises ends the training.
Progress = Callable[[int, int], None]
#: Moves a model along one batch: the model, walks, noise nodes, rate.
Step = Callable[[SkipGram, Tensor, Tensor, float], None]
Method = Literal["node2vec", "prone"]
Preset = Literal["pure", "balanced", "fast"]

#: Batches that are walked, then trained on, at a time: what bounds memory, and how often progress is told.
_STRIDE = 64
#: A batch is halved until training takes so many steps ...
_STEPS = 48
#: ... or fewer, where it is known already what most rows are like ...
_WARM_STEPS = 8
#: ... or is as small as this.
_SMALLEST_BATCH = 16
#: The rate falls linearly to this share of it.
_LAST_RATE = 0.02
#: Where the rate begins, by how many walks a node there are in all, at most: who has few must learn by larger steps.
_FIRST_RATES = ((5, 0.08), (40, 0.05))
#: ... and where there are more.
_CALM_RATE = 0.025
#: A walk of more contexts than this is cut into blocks of two: its far ends have nothing to do with each other.
_LONG = 3


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """What shapes an embedding. The defaults are the product's; ``p`` and ``q`` are node2vec's."""

    method: Method = "node2vec"
    dim: int = 64
    epochs: int = 10
    walk_length: int = 20
    context: int = 10
    walks_per_node: int = 10
    p: float = 1.0
    q: float = 1.0
    #: Noise nodes a true pair, in weight ...
    negatives: int = 5
    #: ... and how many distinct ones a walk has to that end.
    noise: int = 16
    #: Every how-manyth node of a walk is a centre, each in its turn.
    every: int = 2
    #: How many times each vector is pulled to the mean of its neighbours in the end.
    smooth: int = 2
    #: Where the rate begins; None takes what suits the number of walks.
    rate: float | None = None
    #: Walks a step, at most: what a step touches should stay in a core's own cache.
    batch: int = 128
    seed: int = 0

    @property
    def block(self) -> int:
        """Return the length of the pieces that walks are learnt in."""
        return self.walk_length if self.walk_length <= _LONG * self.context else 2 * self.context

    @property
    def first_rate(self) -> float:
        """Return where the rate begins."""
        if self.rate is not None:
            return self.rate
        walks = self.epochs * self.walks_per_node
        return next((rate for most, rate in _FIRST_RATES if walks <= most), _CALM_RATE)


def preset(name: Preset, **others: Any) -> Parameters:
    """Return parameters by name: ``pure`` learns from every node of ten walks and leaves the result as it is,
    ``balanced`` learns from every second and smooths the result, ``fast`` takes four walks and smooths it more."""
    if name == "pure":
        return Parameters(**{"every": 1, "smooth": 0, **others})
    if name == "fast":
        return Parameters(**{"walks_per_node": 4, "smooth": 3, **others})
    return Parameters(**others)


@dataclass(frozen=True, kw_only=True)
class Course:
    """How far a training goes: its batch, steps and rates."""

    batch: int
    #: An epoch.
    walks: int
    #: Pieces that a walk is cut into.
    blocks: int
    epochs: int
    rate: float

    @classmethod
    def of(cls, parameters: Parameters, starts: int, batch: int, *, least: int = _STEPS) -> Course:
        """Return the course over walks from so many nodes, with a batch that leaves enough steps to learn by."""
        walks, blocks = starts * parameters.walks_per_node, math.ceil(parameters.walk_length / parameters.block)
        while batch > _SMALLEST_BATCH and parameters.epochs * walks * blocks < least * batch:
            batch //= 2
        return cls(batch=batch, walks=walks, blocks=blocks, epochs=parameters.epochs, rate=parameters.first_rate)

    def rates(self) -> Iterator[float]:
        """Yield the rate of each step."""
        steps = self.epochs * math.ceil(self.walks / self.batch) * self.blocks
        return (self.rate * (1 - (1 - _LAST_RATE) * step / steps) for step in range(steps))


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """What a training came to: its tables, the loss of its last batch, and the batch it used."""

    tables: Tables
    loss: float
    batch: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Warm:
    """Where a training goes on from: tables, and the nodes that walks start at."""

    tables: Tables
    starts: Tensor


def train(
    graph: Adjacency,
    parameters: Parameters,
    *,
    device: torch.device,
    batch: int,
    progress: Progress,
    step: Step = SkipGram.step,
    warm: Warm | None = None,
) -> Trained:
    """Train on a graph in which every node has an edge. On the CPU the same arguments give the same bits."""
    graph, generator = graph.to(device), torch.Generator(device).manual_seed(parameters.seed)
    starts = torch.arange(graph.num_nodes, device=device) if warm is None else warm.starts.to(device)
    course = Course.of(parameters, starts.numel(), batch, least=_STEPS if warm is None else _WARM_STEPS)
    progress(0, course.epochs)
    if warm is None:
        tables = Tables.starting(spectral_start(graph, parameters.dim, generator))
    else:
        tables = Tables(warm.tables.pairs().to(device), warm.tables.distances().to(device))
    window = Window(
        length=parameters.block,
        context=parameters.context,
        negatives=parameters.negatives,
        noise=parameters.noise,
        every=parameters.every,
    )
    model, rates = SkipGram(tables, window, batch=course.batch), course.rates()
    walker, noise = walker_for(graph, p=parameters.p, q=parameters.q), Noise(graph)
    for epoch in range(course.epochs):
        for walks in _strides(walker, starts, parameters, course, generator):
            if not graph.symmetric:
                _end(walks, tables.nowhere)
            progress(epoch, course.epochs)
            batches = walks.view(-1, course.batch, walks.shape[1])
            drawn = noise.draw((len(batches), course.batch, parameters.noise), generator)
            for batch_walks, batch_noise in zip(batches, drawn, strict=True):
                step(model, batch_walks, batch_noise, next(rates))
        progress(epoch + 1, course.epochs)
    return Trained(tables=tables, loss=model.loss(batch_walks, batch_noise), batch=course.batch)


def _strides(
    walker: Walker, starts: Tensor, parameters: Parameters, course: Course, generator: torch.Generator
) -> Iterator[Tensor]:
    """Yield the walks of one epoch, whole batches of blocks, in pieces of a bounded size."""
    order = torch.randperm(course.walks, generator=generator, device=generator.device)
    # The last batch is filled up with walks from where the first began.
    missing = -course.walks % course.batch
    order = torch.cat([order, order[torch.arange(missing, device=order.device) % course.walks]])
    for places in torch.split(order, course.batch * max(1, _STRIDE // course.blocks)):
        walks = walker.walk(starts[places % starts.numel()], parameters.walk_length, generator)
        yield _cut(walks, parameters.block, course.blocks)


def _end(walks: Tensor, nowhere: int) -> None:
    """Let walks that stand still be nowhere from then on: who stays says nothing about who belongs together."""
    still = walks[:, 1:] == walks[:, :-1]
    walks[:, 1:].masked_fill_(still, nowhere)


def _cut(walks: Tensor, length: int, blocks: int) -> Tensor:
    """Return walks in blocks that cover them, the blocks of a walk far apart; neighbours overlap where they must."""
    if blocks == 1:
        return walks
    last = walks.shape[1] - length
    return torch.cat([walks[:, last * block // (blocks - 1) :][:, :length] for block in range(blocks)])
