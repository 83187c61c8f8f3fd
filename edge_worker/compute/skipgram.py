"""Skip-gram: two vectors a node, and the step that moves them along a batch of walks.

Skip-gram with negative sampling (Mikolov et al., 2013). Each walk is scored in one small matrix product against its
own nodes (the window is a band of weights) and a few noise nodes that its nodes share; the gradient of the logistic
loss is written out. Rows move by row-wise Adagrad: one float of state a row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

_TINY = 1e-10


@dataclass(frozen=True, kw_only=True)
class Window:
    """What of a walk is learnt from.

    The window falls off linearly to ``context``: the mean of word2vec's window of random width. ``noise`` nodes stand
    for ``negatives`` a true pair. Of a walk's nodes every ``every``-th is a centre, a different one at each step:
    the gradient is the same on average, and a step costs less.
    """

    length: int
    context: int
    negatives: int
    noise: int
    every: int = 1

    def band(self, turn: int, like: Tensor) -> Tensor:
        """Return the weight of each (centre, context), shape (centres, length), for one of the ``every`` turns."""
        place = torch.arange(self.length, device=like.device, dtype=like.dtype)
        distance = (place.unsqueeze(1) - place).abs()
        weight = (self.context + 1 - distance).clamp(min=0) / self.context * (distance > 0)
        return weight[turn :: self.every].contiguous()

    def with_noise(self, band: Tensor) -> Tensor:
        """Return a band of weights, and beside it those of each (centre, noise node)."""
        against = band.sum(1, keepdim=True) * (self.negatives / self.noise)
        return torch.cat([band, against.expand(-1, self.noise)], 1)


class Tables:
    """Two rows a node, and how far each has moved (row-wise Adagrad's sum of squares).

    Row 2v is the vector of v, row 2v + 1 its vector as a context: side by side in memory, since they are used together.
    A row that has moved infinitely far stays where it is. The last node, after those of the graph, is nowhere: its rows
    are zero, stay zero and move nobody.
    """

    def __init__(self, rows: Tensor, moved: Tensor) -> None:
        """Copy ``rows``, of shape (nodes, 2, dim), and ``moved``, of shape (nodes, 2)."""
        self.nowhere, dim = rows.shape[0], rows.shape[2]
        self.rows = roomy((self.nowhere + 1) * 2, dim, like=rows)
        self.rows[:-2].view_as(rows).copy_(rows)
        self.rows[-2:] = 0
        self.moved = torch.cat([moved, moved.new_full((1, 2), math.inf)]).view(-1)

    @classmethod
    def starting(cls, start: Tensor) -> Tables:
        """Return tables that have not moved: nodes at ``start``, contexts at zero."""
        return cls(functional.pad(start.unsqueeze(1), (0, 0, 0, 1)), start.new_zeros(start.shape[0], 2))

    def pairs(self) -> Tensor:
        """Return the rows of the graph's nodes, shape (nodes, 2, dim)."""
        return self.rows.view(-1, 2, self.rows.shape[1])[: self.nowhere]

    def distances(self) -> Tensor:
        """Return how far the rows of the graph's nodes have moved, shape (nodes, 2)."""
        return self.moved.view(-1, 2)[: self.nowhere]

    def climb(self, index: Tensor, gradient: Tensor, rate: float, spare: Tensor) -> None:
        """Move rows along ``gradient``, which is used up, as is ``spare``. A row may be named any number of times."""
        # Scatter and gather take their fast path for int64 indices alone.
        length = torch.linalg.vector_norm(gradient, dim=1, out=spare)
        self.moved.index_add_(0, index, torch.mul(length, length, out=spare), alpha=1 / gradient.shape[1])
        torch.index_select(self.moved, 0, index, out=spare)
        spare.add_(_TINY).rsqrt_().mul_(rate)
        self.rows.index_add_(0, index, gradient.mul_(spare.unsqueeze(1)))


def roomy(*shape: int, like: Tensor) -> Tensor:
    """Return a tensor that nothing was written to, of the type and on the device of another."""
    if like.device.type != "cpu":
        return like.new_empty(shape)
    # NumPy asks for huge pages and torch does not: rows read here and there cost less where one page holds many.
    return torch.from_numpy(np.empty(shape, dtype=torch.empty(0, dtype=like.dtype).numpy().dtype))


class SkipGram:
    """The model under training, for batches of ``batch`` walks. Every buffer is made once."""

    def __init__(self, tables: Tables, window: Window, *, batch: int) -> None:
        self.tables, self._window, self._batch = tables, window, batch
        self._bands = [window.band(turn, tables.rows) for turn in range(window.every)]
        self._wanted = [functional.pad(band, (0, window.noise)) for band in self._bands]
        self._weights = [window.with_noise(band) for band in self._bands]
        sizes = {band.shape[0] for band in self._bands}
        made = {size: _Buffers(tables, window, centres=size, batch=batch) for size in sizes}
        self._turns = [made[band.shape[0]] for band in self._bands]
        self._turn = 0

    def step(self, walks: Tensor, noise: Tensor, rate: float) -> None:
        """Move both tables one step of ``rate`` along a whole batch: int64 ``walks``, and ``noise`` of each."""
        turn = self._turn
        self._turn = (turn + 1) % self._window.every
        at = self._turns[turn]
        at.look(self.tables, walks[:, turn :: self._window.every], walks, noise)
        torch.bmm(at.centres, at.others_t, out=at.scores).sigmoid_()
        # What a score should rise by: its weight times what is wanted, 1 of a true pair and 0 of noise, less what is.
        torch.addcmul(self._wanted[turn], at.scores, self._weights[turn], value=-1, out=at.scores)
        torch.bmm(at.scores, at.others, out=at.centre_gradient)
        torch.bmm(at.scores_t, at.centres, out=at.other_gradient)
        self.tables.climb(at.index, at.gradient, rate, at.spare)

    def loss(self, walks: Tensor, noise: Tensor) -> float:
        """Return the mean loss of a true pair, in nats, its share of the noise included, on the first turn."""
        at, band = self._turns[0], self._bands[0]
        at.look(self.tables, walks[:, :: self._window.every], walks, noise)
        scores = torch.bmm(at.centres, at.others_t)
        scores[:, :, : self._window.length].neg_()
        return float(functional.softplus(scores).mul_(self._weights[0]).sum() / (band.sum() * self._batch))


class _Buffers:
    """The memory of one step, and the ways to look at it: centres, then of each walk its contexts and its noise.

    One piece is read and written back with one gather and one scatter; each walk is scored in one product.
    """

    def __init__(self, tables: Tables, window: Window, *, centres: int, batch: int) -> None:
        like, dim, others = tables.rows, tables.rows.shape[1], window.length + window.noise
        split, rows = batch * centres, batch * (centres + others)
        self.found, self.gradient = like.new_empty(rows, dim), like.new_empty(rows, dim)
        self.spare = like.new_empty(rows)
        self.index = torch.empty(rows, dtype=torch.int64, device=like.device)
        self._at_centres, self._at_others = self.index[:split].view(batch, -1), self.index[split:].view(batch, -1)
        self._at_contexts, self._at_noise = self._at_others[:, : window.length], self._at_others[:, window.length :]
        self.centres, self.others = self.found[:split].view(batch, -1, dim), self.found[split:].view(batch, -1, dim)
        self.others_t = self.others.transpose(1, 2)
        self.centre_gradient = self.gradient[:split].view(batch, -1, dim)
        self.other_gradient = self.gradient[split:].view(batch, -1, dim)
        self.scores = like.new_empty(batch, centres, others)
        self.scores_t = self.scores.transpose(1, 2)

    def look(self, tables: Tables, centres: Tensor, contexts: Tensor, noise: Tensor) -> None:
        """Fetch the rows of a batch."""
        torch.add(centres, centres, out=self._at_centres)
        torch.add(contexts, contexts, out=self._at_contexts)
        torch.add(noise, noise, out=self._at_noise)
        self._at_others.add_(1)
        torch.index_select(tables.rows, 0, self.index, out=self.found)
