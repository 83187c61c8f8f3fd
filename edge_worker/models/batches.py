"""Batches: texts that were cut into tokens once, put together so that little of what is computed is padding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, kw_only=True, eq=False)
class Row:
    """One text as tokens, without padding: each of the model's inputs as a tensor of ``(length,)``."""

    #: Where its text stood.
    index: int
    inputs: Mapping[str, torch.Tensor]

    @property
    def length(self) -> int:
        return len(self.inputs["input_ids"])


@dataclass(frozen=True, kw_only=True)
class Padding:
    """How rows of different lengths become one tensor, and what goes to the model beside them."""

    left: bool
    token: int
    #: What is the same for all texts: which kind of input it is, how long the prompt.
    beside: Mapping[str, Any]


def rows_of(features: Mapping[str, Any], indexes: Sequence[int], *, left: bool) -> tuple[list[Row], dict[str, Any]]:
    """Return what a tokeniser made of several texts, row by row without its padding, and what is no row."""
    mask = features["attention_mask"]
    rowed = {name: value for name, value in features.items() if _same_shape(value, mask)}
    beside = {name: value for name, value in features.items() if name not in rowed}
    width, lengths = mask.shape[1], mask.sum(dim=1).tolist()
    rows = []
    for place, (index, length) in enumerate(zip(indexes, lengths, strict=True)):
        part = slice(width - length, width) if left else slice(0, length)
        # A copy: a view would keep the padding alive.
        rows.append(Row(index=index, inputs={name: value[place, part].clone() for name, value in rowed.items()}))
    return rows, beside


def longest_first(rows: Iterable[Row]) -> list[Row]:
    """Return the rows by falling length, so that neighbours are alike and too large a batch shows at once."""
    return sorted(rows, key=lambda row: -row.length)


def next_batch(rows: Sequence[Row], start: int, budget: int) -> Sequence[Row]:
    """Return the rows from ``start`` on whose cost, longest times count, is within ``budget``; one at least."""
    return rows[start : start + max(1, budget // max(1, rows[start].length))]


def collated(rows: Sequence[Row], padding: Padding, device: torch.device) -> dict[str, Any]:
    """Return the rows as the model takes them, each input ``(rows, longest)``."""
    width = max(row.length for row in rows)
    features: dict[str, Any] = dict(padding.beside)
    for name, first in rows[0].inputs.items():
        whole = first.new_full((len(rows), width), padding.token if name == "input_ids" else 0)
        for place, row in enumerate(rows):
            part = slice(width - row.length, width) if padding.left else slice(0, row.length)
            whole[place, part] = row.inputs[name]
        features[name] = whole.to(device)
    return features


def _same_shape(value: object, mask: torch.Tensor) -> bool:
    return isinstance(value, torch.Tensor) and value.shape == mask.shape
