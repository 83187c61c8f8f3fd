"""Trainer: walks a graph and trains on the walks, on one device with one batch size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from edge_worker.compute.skipgram import SkipGram, pairs
from edge_worker.compute.spectral import spectral_start
from edge_worker.compute.walker import Adjacency, walker_for

#: Told (epochs done, epochs in all); may raise, and what it raises ends the training.
Progress = Callable[[int, int], None]
#: Moves a model along one batch: the model, walks, noise nodes, rate.
Step = Callable[[SkipGram, Tensor, Tensor, float], None]

#: Batches that are walked, then trained on, at a time: what bounds memory, and how often progress is told.
_STRIDE = 64
#: A batch is halved until training takes so many steps ...
_STEPS = 48
#: ... or is as small as this.
_SMALLEST_BATCH = 16
#: The rate falls linearly to this share of it.
_LAST_RATE = 0.02
#: Noise is drawn by the frequency of nodes in walks to this power (word2vec's).
_FLATTENING = 0.75


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """What shapes an embedding. The defaults are the product's; ``p`` and ``q`` are node2vec's."""

    dim: int = 64
    epochs: int = 10
    walk_length: int = 20
    context: int = 10
    walks_per_node: int = 10
    p: float = 1.0
    q: float = 1.0
    #: Noise nodes a true pair, in weight ...
    negatives: int = 5
    #: ... and how many distinct ones a walk shares to that end.
    noise: int = 12
    rate: float = 0.025
    #: Walks a step, at most.
    batch: int = 256
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Course:
    """How far a training goes: its batch, steps and rates."""

    batch: int
    walks: int
    epochs: int
    rate: float

    @classmethod
    def of(cls, parameters: Parameters, num_nodes: int, batch: int) -> Course:
        """Return the course over a graph of ``num_nodes``, with a batch that leaves enough steps to learn by."""
        walks = num_nodes * parameters.walks_per_node
        while batch > _SMALLEST_BATCH and parameters.epochs * walks < _STEPS * batch:
            batch //= 2
        return cls(batch=batch, walks=walks, epochs=parameters.epochs, rate=parameters.rate)

    def rates(self) -> Iterator[float]:
        """Yield the rate of each step."""
        steps = self.epochs * math.ceil(self.walks / self.batch)
        return (self.rate * (1 - (1 - _LAST_RATE) * step / steps) for step in range(steps))


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """What a training came to: vectors of length 1, the loss of its last batch, and the batch it used."""

    vectors: Tensor
    loss: float
    batch: int


def train(
    graph: Adjacency,
    parameters: Parameters,
    *,
    device: torch.device,
    batch: int,
    progress: Progress,
    step: Step = SkipGram.step,
) -> Trained:
    """Train on a graph in which every node has a neighbour. On the CPU the same arguments give the same bits."""
    graph, generator = graph.to(device), torch.Generator(device).manual_seed(parameters.seed)
    course = Course.of(parameters, graph.num_nodes, batch)
    weights = pairs(
        walk_length=parameters.walk_length,
        context=parameters.context,
        negatives=parameters.negatives,
        noise=parameters.noise,
        device=device,
    )
    progress(0, course.epochs)
    model = SkipGram(spectral_start(graph, parameters.dim, generator), weights, batch=course.batch)
    rates = course.rates()
    for epoch in range(course.epochs):
        for walks, noise in _strides(graph, parameters, course, generator):
            progress(epoch, course.epochs)
            batches = list(zip(torch.split(walks, course.batch), torch.split(noise, course.batch), strict=True))
            for batch_walks, batch_noise in batches:
                step(model, batch_walks, batch_noise, next(rates))
        progress(epoch + 1, course.epochs)
    return Trained(vectors=model.vectors(), loss=model.loss(*batches[-1]), batch=course.batch)


def _strides(
    graph: Adjacency, parameters: Parameters, course: Course, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the walks of one epoch, with the noise nodes of each, in pieces of a bounded size."""
    walker = walker_for(graph, p=parameters.p, q=parameters.q)
    # In the long run a walk is at a node as often as its degree says.
    cumulative = graph.degree.to(torch.float64).pow(_FLATTENING).cumsum(0)
    order = torch.randperm(course.walks, generator=generator, device=generator.device)
    for starts in torch.split(order.remainder_(graph.num_nodes), course.batch * _STRIDE):
        walks = walker.walk(starts, parameters.walk_length, generator)
        draws = torch.rand(
            (starts.numel(), parameters.noise), generator=generator, device=generator.device, dtype=torch.float64
        )
        noise = torch.searchsorted(cumulative, draws.mul_(cumulative[-1]), right=True)
        yield walks, noise.clamp_(max=graph.num_nodes - 1)
