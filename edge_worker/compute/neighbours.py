"""Neighbours: the files most like each file, by exact cosine, in blocks."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

#: Scores held at a time: 64 MiB of float32.
_SCORES = 2**24
#: Scores are whole numbers of this many parts of one when they are compared, so that rounding decides no rank.
_PARTS = 1_000_000

Nearest = tuple[tuple[int, float], ...]


def nearest(vectors: NDArray[np.float32], isolated: NDArray[np.bool_], k: int = 10) -> tuple[Nearest, ...]:
    """Return each file's ``k`` nearest others as (number, cosine to 6 digits), best first, then by number.

    ``vectors`` are rows of length 1. Isolated files have none and are nobody's. Fewer than ``k`` come back when there
    are not as many others.
    """
    found: list[Nearest] = [()] * len(vectors)
    members = torch.from_numpy(np.flatnonzero(~isolated))
    k = min(k, members.numel() - 1)
    if k < 1:
        return tuple(found)
    rows = torch.from_numpy(np.ascontiguousarray(vectors))[members]
    for block in torch.split(torch.arange(members.numel()), max(1, _SCORES // members.numel())):
        places, parts = _best(rows, block, k)
        numbers, scores = members[places].tolist(), (parts.to(torch.float64) / _PARTS).tolist()
        for own, row_numbers, row_scores in zip(members[block].tolist(), numbers, scores, strict=True):
            found[own] = tuple(zip(row_numbers, row_scores, strict=True))
    return tuple(found)


def _best(rows: Tensor, block: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the places and the scores, in parts, of the ``k`` best of each row of a block, in their final order."""
    scores = rows[block] @ rows.t()
    scores[torch.arange(block.numel()), block] = -torch.inf
    values, places = scores.topk(k + 1, dim=1)
    parts = _parts(values)
    # Where the first that is left out scores like the last that is in, topk took either: ask again, with the number.
    tied = (parts[:, k] == parts[:, k - 1]).nonzero().squeeze(1)
    places, parts = places[:, :k].clone(), parts[:, :k].clone()
    for row in tied.tolist():
        row_parts = _parts(scores[row])
        candidates = (row_parts >= parts[row, -1]).nonzero().squeeze(1)
        places[row] = candidates[row_parts[candidates].argsort(descending=True, stable=True)[:k]]
        parts[row] = row_parts[places[row]]
    order = (parts * rows.shape[0] - places).argsort(dim=1, descending=True)
    return places.gather(1, order), parts.gather(1, order)


def _parts(scores: Tensor) -> Tensor:
    """Return cosines as whole numbers; what is not to be found becomes less than any cosine."""
    return scores.to(torch.float64).mul_(_PARTS).round_().clamp_(-2 * _PARTS, _PARTS).to(torch.int64)
