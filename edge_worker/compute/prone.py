"""ProNE: vectors without a walk, by one factorisation and one filter (Zhang et al., IJCAI 2019).

The matrix that skip-gram with negative sampling factorises for neighbours alone is built and factorised outright; the
result is then spread over the graph by a band-pass filter of its spectrum. Several times cheaper than a training.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from edge_worker.compute.graph import Adjacency
from edge_worker.compute.spectral import eigen, orthonormal

#: As in the paper's own code: terms of the filter's expansion, where the band lies, and how wide it is.
_TERMS, _MU, _THETA = 10, 0.2, 0.5
_FLATTENING = 0.75
_NEGATIVES = 1.0
_PRODUCTS = 5
_OVERSAMPLING = 16
#: Squared strengths below this share of the largest are rounding, in float32.
_RANK = 1e-10


def prone(graph: Adjacency, dim: int, seed: int) -> Tensor:
    """Return one float32 vector of length 1 a node of a symmetric graph in which every node has an edge."""
    generator = torch.Generator().manual_seed(seed)
    factors = _factorise(graph, dim, generator)
    return functional.normalize(_dense(_spread(graph, factors), dim))


class _Sparse:
    """A sparse matrix in the places of a graph's edges, and its product with a dense one."""

    def __init__(self, graph: Adjacency, values: Tensor) -> None:
        self._graph, self._values = graph, values.to(torch.float32)

    def __matmul__(self, block: Tensor) -> Tensor:
        return functional.embedding_bag(
            self._graph.neighbours,
            block,
            self._graph.first,
            mode="sum",
            per_sample_weights=self._values,
            include_last_offset=True,
        )


def _transition(graph: Adjacency) -> Tensor:
    """Return the probability of each step of a walk, in float64."""
    strength = graph.strength()
    weights = torch.ones_like(strength)[graph.neighbours] if graph.weights is None else graph.weights
    return weights / strength[graph.sources]


def _factorise(graph: Adjacency, dim: int, generator: torch.Generator) -> Tensor:
    """Return U sqrt(S) of the logarithms of how much likelier a step is than its target is met by chance."""
    step = _transition(graph)
    met = torch.zeros(graph.num_nodes, dtype=torch.float64).index_add_(0, graph.neighbours, step).pow_(_FLATTENING)
    score = step.log() - (_NEGATIVES * met / met.sum())[graph.neighbours].log()
    # Row by row it is read, column by column through the edges' other ways.
    keys = graph.sources * graph.num_nodes + graph.neighbours
    back = torch.searchsorted(keys, graph.neighbours * graph.num_nodes + graph.sources)
    matrix, transposed = _Sparse(graph, score), _Sparse(graph, score[back])
    width = min(dim + _OVERSAMPLING, graph.num_nodes)
    block = torch.randn((graph.num_nodes, width), generator=generator)
    for _ in range(_PRODUCTS):
        block = orthonormal(matrix @ orthonormal(transposed @ orthonormal(block)))
    # Of the small matrix B = block^T M, the left vectors and the values are those of B B^T.
    small = transposed @ block
    values, vectors = eigen(small.t() @ small)
    values, vectors = values.flip(0)[:dim].clamp(min=0), vectors.flip(1)[:, :dim]
    leading = block @ (vectors * values.pow(0.25)).to(block)
    return functional.normalize(functional.pad(leading, (0, dim - leading.shape[1])))


def _spread(graph: Adjacency, factors: Tensor) -> Tensor:
    """Return the factors filtered: a Chebyshev expansion of the modulated Laplacian of the graph with loops."""
    # With a loop at each node the mean is over the node and its neighbours.
    heavy = graph.strength()
    shrunk = heavy / (heavy + 1)
    neighbours = _Sparse(graph, _transition(graph) * shrunk[graph.sources])
    own = (1 / (heavy + 1)).to(torch.float32).unsqueeze(1)

    def mean(block: Tensor) -> Tensor:
        return (neighbours @ block).addcmul_(own, block)

    def laplacian(block: Tensor) -> Tensor:
        return block * (1 - _MU) - mean(block)

    before, last = factors, laplacian(factors)
    last = 0.5 * laplacian(last) - factors
    total = _bessel(0) * before - 2 * _bessel(1) * last
    for term in range(2, _TERMS):
        following = laplacian(laplacian(last)) - 2 * last - before
        total.add_(following, alpha=2 * _bessel(term) * (1 if term % 2 == 0 else -1))
        before, last = last, following
    return mean(factors - total).mul_((heavy + 1).to(torch.float32).unsqueeze(1))


def _dense(block: Tensor, dim: int) -> Tensor:
    """Return U sqrt(S) of the block, whose columns are few."""
    values, vectors = eigen(block.t() @ block)
    values, vectors = values.flip(0)[:dim], vectors.flip(1)[:, :dim]
    kept = values > values[0] * _RANK
    return block @ (vectors * torch.where(kept, values, 1.0).pow(-0.25) * kept).to(block)


def _bessel(order: int) -> float:
    """Return the modified Bessel function of the first kind at theta."""
    half = _THETA / 2
    return sum(half ** (2 * k + order) / (math.factorial(k) * math.factorial(k + order)) for k in range(20))
