"""Skip-gram: two vectors a node, and the step that moves them along a batch of walks.

Skip-gram with negative sampling (Mikolov et al., 2013). Each walk is scored in one small matrix product against its
own nodes (the window is a band of weights), and, with the walks beside it, against a few noise nodes that they share;
the gradient of the logistic loss is written out. Rows move by row-wise Adagrad: one float of state a row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_TINY = 1e-10
#: Walks that share their noise: each token is to meet many noise nodes, and each of those costs a row of memory.
_SHARING = 2


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


class Tables:
    """Two rows a node, and how far each has moved (row-wise Adagrad's sum of squares).

    Row 2v is the vector of v, row 2v + 1 its vector as a context: side by side in memory, since they are used together.
    A row that has moved infinitely far stays where it is. The last node, after those of the graph, is nowhere: its rows
    are zero, stay zero and move nobody.
    """

    def __init__(self, rows: Tensor, moved: Tensor) -> None:
        """Copy ``rows``, of shape (nodes, 2, dim), and ``moved``, of shape (nodes, 2)."""
        self.nowhere = rows.shape[0]
        self.rows = torch.cat([rows, rows.new_zeros(1, *rows.shape[1:])]).view(-1, rows.shape[2])
        self.moved = torch.cat([moved, moved.new_full((1, 2), math.inf)]).view(-1)

    @classmethod
    def starting(cls, start: Tensor) -> Tables:
        """Return tables that have not moved: nodes at ``start``, contexts at zero."""
        return cls(torch.stack([start, torch.zeros_like(start)], 1), start.new_zeros(start.shape[0], 2))

    def pairs(self) -> Tensor:
        """Return the rows of the graph's nodes, shape (nodes, 2, dim)."""
        return self.rows.view(-1, 2, self.rows.shape[1])[: self.nowhere]

    def distances(self) -> Tensor:
        """Return how far the rows of the graph's nodes have moved, shape (nodes, 2)."""
        return self.moved.view(-1, 2)[: self.nowhere]

    def climb(self, index: Tensor, gradient: Tensor, rate: float, spare: Tensor) -> None:
        """Move rows along ``gradient``, which is used up, as is ``spare``. A row may be named any number of times."""
        # Scatter and gather take their fast path for int64 indices alone.
        square = torch.linalg.vector_norm(gradient, dim=1, out=spare).square_().div_(gradient.shape[1])
        self.moved.index_add_(0, index, square)
        torch.index_select(self.moved, 0, index, out=spare)
        spare.add_(_TINY).rsqrt_().mul_(rate)
        self.rows.index_add_(0, index, gradient.mul_(spare.unsqueeze(1)))


class SkipGram:
    """The model under training, for batches of ``batch`` walks. Every buffer is made once."""

    def __init__(self, tables: Tables, window: Window, *, batch: int) -> None:
        self.tables, self._window, self._batch = tables, window, batch
        self._sharing = math.gcd(batch, _SHARING)
        self._bands = [window.band(turn, tables.rows) for turn in range(window.every)]
        self._against = [self._share(band) for band in self._bands]
        sizes = {band.shape[0] for band in self._bands}
        made = {size: _Buffers(tables, window, centres=size, batch=batch, sharing=self._sharing) for size in sizes}
        self._turns = [made[band.shape[0]] for band in self._bands]
        self._turn = 0

    def noise_for(self, walks: int) -> tuple[int, int]:
        """Return the shape of the noise that so many walks need."""
        return walks // self._sharing, self._window.noise

    def step(self, walks: Tensor, noise: Tensor, rate: float) -> None:
        """Move both tables one step of ``rate`` along a whole batch: int64 ``walks``, and ``noise`` as told."""
        turn = self._turn
        self._turn = (turn + 1) % self._window.every
        at, band, against = self._turns[turn], self._bands[turn], self._against[turn]
        at.look(self.tables, walks[:, turn :: self._window.every], walks, noise)
        # What is true is scored negated: 1 - sigmoid(x) is sigmoid(-x).
        torch.baddbmm(at.true, at.centres, at.contexts_t, beta=0, alpha=-1, out=at.true)
        torch.bmm(at.grouped, at.noise_t, out=at.false)
        at.scores.sigmoid_()
        at.true.mul_(band)
        at.false.mul_(against)
        torch.bmm(at.true, at.contexts, out=at.centre_gradient)
        torch.baddbmm(at.grouped_gradient, at.false, at.noise, alpha=-1, out=at.grouped_gradient)
        torch.bmm(at.true_t, at.centres, out=at.context_gradient)
        torch.baddbmm(at.noise_gradient, at.false_t, at.grouped, beta=0, alpha=-1, out=at.noise_gradient)
        self.tables.climb(at.index, at.gradient, rate, at.spare)

    def loss(self, walks: Tensor, noise: Tensor) -> float:
        """Return the mean loss of a true pair, in nats, its share of the noise included, on the first turn."""
        at, band, against = self._turns[0], self._bands[0], self._against[0]
        at.look(self.tables, walks[:, :: self._window.every], walks, noise)
        true = functional.softplus(-torch.bmm(at.centres, at.contexts_t)).mul_(band).sum()
        false = functional.softplus(torch.bmm(at.grouped, at.noise_t)).mul_(against).sum()
        return float((true + false) / (band.sum() * self._batch))

    def _share(self, band: Tensor) -> Tensor:
        against = band.sum(1, keepdim=True) * (self._window.negatives / self._window.noise)
        return against.repeat(self._sharing, 1)


class _Buffers:
    """The memory of one step, and the ways to look at it. Centres, contexts and noise lie in one piece, in that order.

    One piece is read and written back with one gather and one scatter.
    """

    def __init__(self, tables: Tables, window: Window, *, centres: int, batch: int, sharing: int) -> None:
        dim, length, noise, groups = tables.rows.shape[1], window.length, window.noise, batch // sharing
        one, two = batch * centres, batch * (centres + length)
        rows = two + groups * noise
        like = tables.rows
        self.found, self.gradient = like.new_empty(rows, dim), like.new_empty(rows, dim)
        self.spare = like.new_empty(rows)
        self.index = torch.empty(rows, dtype=torch.int64, device=like.device)
        self._index = (
            self.index[:one].view(batch, centres),
            self.index[one:two].view(batch, length),
            self.index[two:].view(groups, noise),
        )
        self.centres, self.contexts = (
            self.found[:one].view(batch, centres, dim),
            self.found[one:two].view(batch, -1, dim),
        )
        self.grouped, self.noise = self.found[:one].view(groups, -1, dim), self.found[two:].view(groups, noise, dim)
        self.contexts_t, self.noise_t = self.contexts.transpose(1, 2), self.noise.transpose(1, 2)
        self.centre_gradient = self.gradient[:one].view(batch, centres, dim)
        self.grouped_gradient = self.gradient[:one].view(groups, -1, dim)
        self.context_gradient = self.gradient[one:two].view(batch, length, dim)
        self.noise_gradient = self.gradient[two:].view(groups, noise, dim)
        self.scores = like.new_empty(one * (length + noise))
        self.true = self.scores[: one * length].view(batch, centres, length)
        self.false = self.scores[one * length :].view(groups, -1, noise)
        self.true_t, self.false_t = self.true.transpose(1, 2), self.false.transpose(1, 2)

    def look(self, tables: Tables, centres: Tensor, contexts: Tensor, noise: Tensor) -> None:
        """Fetch the rows of a batch."""
        at_centres, at_contexts, at_noise = self._index
        torch.mul(centres, 2, out=at_centres)
        torch.mul(contexts, 2, out=at_contexts).add_(1)
        torch.mul(noise, 2, out=at_noise).add_(1)
        torch.index_select(tables.rows, 0, self.index, out=self.found)
