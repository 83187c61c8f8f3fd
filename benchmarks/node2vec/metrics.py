"""What vectors are worth: does a classifier recognise a node, do held-out edges rank above others."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Vectors = NDArray[np.float32]
Pairs = NDArray[np.int64]

#: Nodes that a label needs to be learnt and asked for.
_ENOUGH = 8


def hold_out(edges: Pairs, num_nodes: int, seed: int, share: float = 0.1) -> tuple[Pairs, Pairs, Pairs]:
    """Return the edges kept, those held out, and as many pairs that are no edge.

    No node loses its last edge. The false pairs join ends of the held-out edges anew, so that degrees give nothing
    away: a measure with other false pairs is one of degree.
    """
    generator = np.random.default_rng(seed)
    degree = np.bincount(edges.ravel(), minlength=num_nodes)
    held: list[int] = []
    for place in generator.permutation(len(edges)).tolist():
        one, other = edges[place]
        if degree[one] > 1 and degree[other] > 1:
            degree[one] -= 1
            degree[other] -= 1
            held.append(place)
        if len(held) >= share * len(edges):
            break
    true = edges[held]
    known = set((edges[:, 0] * num_nodes + edges[:, 1]).tolist())
    false = np.empty((0, 2), np.int64)
    while len(false) < len(true):
        drawn = np.stack([generator.permutation(true[:, 0]), generator.permutation(true[:, 1])], 1)
        low, high = drawn.min(1), drawn.max(1)
        new = [key not in known for key in (low * num_nodes + high).tolist()] & (low != high)
        false = np.concatenate([false, drawn[new]])
    kept = np.ones(len(edges), np.bool_)
    kept[held] = False
    return edges[kept], true, false[: len(true)]


def link_auc(vectors: Vectors, true: Pairs, false: Pairs) -> float:
    """Return how often the cosine of an edge is above that of a pair that is none."""
    rows = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    above, below = ((rows[pairs[:, 0]] * rows[pairs[:, 1]]).sum(1) for pairs in (true, false))
    scores = np.concatenate([above, below])
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    ranks = float(rank[: len(above)].sum())
    return (ranks - len(above) * (len(above) + 1) / 2) / (len(above) * len(below))


def recognised(vectors: Vectors, labels: NDArray[np.int64], seed: int) -> float:
    """Return the micro-F1 of logistic regression, learnt on half of the nodes, on the other half."""
    rows = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    usual = np.bincount(labels)[labels] >= _ENOUGH
    rows, wanted = rows[usual], np.unique(labels[usual], return_inverse=True)[1]
    order = np.random.default_rng(seed).permutation(len(rows))
    train, test = order[: len(order) // 2], order[len(order) // 2 :]
    rows = (rows - rows[train].mean(0)) / (rows[train].std(0) + 1e-9)
    weights = _regression(torch.from_numpy(rows[train]).float(), torch.from_numpy(wanted[train]))
    found = (torch.from_numpy(rows[test]).float() @ weights[:-1] + weights[-1]).argmax(1).numpy()
    return float((found == wanted[test]).mean())


def _regression(rows: Tensor, wanted: Tensor) -> Tensor:
    """Return the weights of multinomial logistic regression with an l2 penalty of 1, the constant last."""
    rows = torch.cat([rows, torch.ones(len(rows), 1)], 1)
    weights = torch.zeros(rows.shape[1], int(wanted.max()) + 1, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=60, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        penalty = 0.5 * weights[:-1].square().sum()
        value = (torch.nn.functional.cross_entropy(rows @ weights, wanted, reduction="sum") + penalty) / len(rows)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)
    return weights.detach()
