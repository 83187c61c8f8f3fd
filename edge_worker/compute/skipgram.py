"""Skip-gram: two tables of vectors, and the step that moves them along a batch of walks.

Skip-gram with negative sampling (Mikolov et al., 2013). Each walk is scored in one small matrix product against its
own nodes (the window is a band of weights) and against a few noise nodes that all its nodes share; the gradient of the
logistic loss is written out. Rows move by row-wise Adagrad: one float of state a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_TINY = 1e-10


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """How much each of a walk's nodes has to do with each of its contexts: first the walk itself, then the noise."""

    #: Weight of each (node, context), shape (walk_length, walk_length + noise).
    weight: Tensor
    #: The same weight where the pair is true, zero where it is noise.
    true: Tensor


def pairs(*, walk_length: int, context: int, negatives: int, noise: int, device: torch.device) -> Pairs:
    """Return the weights of one walk.

    The window falls off linearly to ``context``: the mean of word2vec's window of random width. ``noise`` nodes stand
    for ``negatives`` a true pair.
    """
    place = torch.arange(walk_length, device=device)
    distance = (place.unsqueeze(1) - place).abs()
    band = (context + 1 - distance).clamp(min=0) / context * (distance > 0)
    against = (band.sum(1, keepdim=True) * negatives / noise).expand(walk_length, noise)
    return Pairs(weight=torch.cat([band, against], 1), true=torch.cat([band, torch.zeros_like(against)], 1))


class Table:
    """Vectors, one row a node, and the row-wise Adagrad state that moves them."""

    def __init__(self, rows: Tensor) -> None:
        self.rows = rows
        self._moved = torch.zeros(rows.shape[0], device=rows.device)

    def gather(self, nodes: Tensor, out: Tensor) -> Tensor:
        """Write the rows of ``nodes`` to ``out`` and return it in their shape."""
        found = out[: nodes.shape[0]]
        torch.index_select(self.rows, 0, nodes.reshape(-1), out=found.view(-1, found.shape[-1]))
        return found

    def climb(self, nodes: Tensor, gradient: Tensor, rate: float) -> None:
        """Move the rows of ``nodes`` along ``gradient``, which is used up. A node may appear any number of times."""
        # Scatter and gather take their fast path for int64 indices alone.
        nodes, gradient = nodes.reshape(-1), gradient.view(-1, gradient.shape[-1])
        square = torch.linalg.vector_norm(gradient, dim=1).square_().div_(gradient.shape[1])
        self._moved.index_add_(0, nodes, square)
        length = self._moved[nodes].add_(_TINY).rsqrt_().mul_(rate)
        self.rows.index_add_(0, nodes, gradient.mul_(length.unsqueeze(1)))


class SkipGram:
    """The model under training. Buffers are made once, for batches of up to ``batch`` walks."""

    def __init__(self, start: Tensor, weights: Pairs, *, batch: int) -> None:
        self.nodes, self.contexts = Table(start.clone()), Table(torch.zeros_like(start))
        self._weights = weights
        (length, width), dim = weights.weight.shape, start.shape[1]
        self._rows, self._row_gradients = (start.new_empty(batch, length, dim) for _ in range(2))
        self._others, self._other_gradients = (start.new_empty(batch, width, dim) for _ in range(2))
        self._scores = start.new_empty(batch, length, width)

    def step(self, walks: Tensor, noise: Tensor, rate: float) -> None:
        """Move both tables one step of ``rate`` along a batch: int64 ``walks`` and each one's own ``noise`` nodes."""
        contexts = torch.cat([walks, noise], 1)
        rows, others = self._gather(walks, contexts)
        error, batch = self._scores[: walks.shape[0]], walks.shape[0]
        torch.bmm(rows, others.transpose(1, 2), out=error).sigmoid_()
        torch.addcmul(self._weights.true, self._weights.weight, error, value=-1, out=error)
        row_gradient = torch.bmm(error, others, out=self._row_gradients[:batch])
        other_gradient = torch.bmm(error.transpose(1, 2), rows, out=self._other_gradients[:batch])
        self.nodes.climb(walks, row_gradient, rate)
        self.contexts.climb(contexts, other_gradient, rate)

    def loss(self, walks: Tensor, noise: Tensor) -> float:
        """Return the mean loss of a true pair, in nats, its share of the noise included."""
        rows, others = self._gather(walks, torch.cat([walks, noise], 1))
        scores = torch.bmm(rows, others.transpose(1, 2))
        false = self._weights.weight - self._weights.true
        losses = self._weights.true * functional.softplus(-scores) + false * functional.softplus(scores)
        return float(losses.sum() / (self._weights.true.sum() * walks.shape[0]))

    def vectors(self) -> Tensor:
        """Return one vector a node, of length 1: the sum of its rows in both tables.

        The sum is what cosine ranks best by: it is near to its neighbours and to those with the same neighbours.
        """
        return functional.normalize(self.nodes.rows + self.contexts.rows)

    def _gather(self, walks: Tensor, contexts: Tensor) -> tuple[Tensor, Tensor]:
        return self.nodes.gather(walks, self._rows), self.contexts.gather(contexts, self._others)
