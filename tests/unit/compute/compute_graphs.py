"""Graphs whose communities are known, and a fit with every argument defaulted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from edge_worker.compute.data import graph_data
from edge_worker.compute.embedding import Embedding
from edge_worker.compute.node2vec import fit
from edge_worker.compute.skipgram import SkipGram
from edge_worker.compute.trainer import Parameters, Progress, Step

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
QUICK = Parameters(epochs=2)


@dataclass(frozen=True, kw_only=True)
class Communities:
    """A degree-corrected stochastic block model: its edges, and each node's block."""

    num_nodes: int
    edges: list[tuple[int, int]]
    block: Tensor


def communities(num_nodes: int = 400, blocks: int = 5, *, mixing: float = 0.2, seed: int = 1) -> Communities:
    """Draw 4 edges a node, with heavy-tailed degrees; a share of about ``mixing`` ignores the blocks."""
    generator = torch.Generator().manual_seed(seed)
    block = torch.randint(blocks, (num_nodes,), generator=generator)
    propensity = (1 - torch.rand(num_nodes, generator=generator)).pow(-0.4)
    draws = 4 * num_nodes
    source = torch.multinomial(propensity, draws, replacement=True, generator=generator)
    target = torch.multinomial(propensity, draws, replacement=True, generator=generator)
    inside = torch.rand(draws, generator=generator) > mixing
    for number in range(blocks):
        chosen = (inside & (block[source] == number)).nonzero().squeeze(1)
        members = propensity * (block == number)
        target[chosen] = torch.multinomial(members, chosen.numel(), replacement=True, generator=generator)
    edges = list(zip(source.tolist(), target.tolist(), strict=True))
    return Communities(num_nodes=num_nodes, edges=edges, block=block)


def unheard(done: int, total: int) -> None:
    """Let progress pass."""


def embed(
    num_nodes: int,
    edges: list[tuple[int, int]],
    parameters: Parameters = QUICK,
    *,
    device: torch.device = CPU,
    progress: Progress = unheard,
    step: Step = SkipGram.step,
) -> Embedding:
    return fit(graph_data(num_nodes, edges), parameters, device=device, progress=progress, step=step)


def out_of_memory(times: int) -> Step:
    """A step that finds no memory for its first ``times`` calls."""
    left = [times]

    def step(model: SkipGram, walks: Tensor, noise: Tensor, rate: float) -> None:
        if left[0]:
            left[0] -= 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        model.step(walks, noise, rate)

    return step


def digest(embedding: Embedding) -> str:
    return hashlib.sha256(embedding.vectors.tobytes()).hexdigest()
