"""Spectral: where training starts, the leading eigenvectors of the normalised adjacency.

One epoch from here is worth about ten from a random start. Randomised subspace iteration (Halko, Martinsson and Tropp,
2011) with a fixed number of products, so that the result is a function of graph and seed alone.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from edge_worker.compute.graph import Adjacency

_PRODUCTS = 6
#: In a large graph the products are what costs, and training has the steps to make up for two of them.
_LARGE, _FEWER_PRODUCTS = 50_000, 4
_OVERSAMPLING = 16
#: Squared lengths below this share of the largest are rounding, in float32.
_RANK = 1e-6
#: Gives a direction to rows and columns that the eigenvectors leave at zero.
_NOISE = 1e-4


def spectral_start(graph: Adjacency, dim: int, generator: torch.Generator, *, products: int = _PRODUCTS) -> Tensor:
    """Return one float32 row of length 1 a node, shape (nodes, dim). Edges count both ways; each node needs one."""
    graph = graph.both_ways()
    width = min(dim + _OVERSAMPLING, graph.num_nodes)
    scale = graph.strength().rsqrt().to(torch.float32).unsqueeze(1)
    block = _normal(graph, width, generator)
    for _ in range(products if graph.num_nodes < _LARGE else min(products, _FEWER_PRODUCTS)):
        block = orthonormal(_product(graph, scale, block))
    values, vectors = eigen(block.t() @ _product(graph, scale, block))
    order = values.abs().argsort(descending=True)[:dim]
    leading = block @ vectors[:, order].to(block)
    padded = functional.pad(leading, (0, dim - leading.shape[1]))
    return functional.normalize(padded.add_(_normal(graph, dim, generator), alpha=_NOISE))


def _normal(graph: Adjacency, width: int, generator: torch.Generator) -> Tensor:
    return torch.randn((graph.num_nodes, width), generator=generator, device=generator.device)


def _product(graph: Adjacency, scale: Tensor, block: Tensor) -> Tensor:
    """Return D^-1/2 A D^-1/2 times ``block``."""
    bags = functional.embedding_bag(
        graph.neighbours,
        scale * block,
        graph.first,
        mode="sum",
        per_sample_weights=None if graph.weights is None else graph.weights.to(block),
        include_last_offset=True,
    )
    return bags.mul_(scale)


def orthonormal(block: Tensor) -> Tensor:
    """Return an orthonormal basis of the columns; where they depend on each other, columns of zeros make up for it."""
    values, vectors = eigen(block.t() @ block)
    kept = values > values[-1] * _RANK
    lengths = torch.where(kept, values, 1.0).rsqrt() * kept
    return block @ (vectors * lengths).to(block)


def eigen(gram: Tensor) -> tuple[Tensor, Tensor]:
    """Return the eigenvalues of a symmetric matrix, ascending, and its eigenvectors, in float64."""
    # A matrix of a few dozen rows: in double precision on the CPU it costs less than starting it on a GPU.
    values, vectors = torch.linalg.eigh(gram.to("cpu", torch.float64))
    return values, vectors
