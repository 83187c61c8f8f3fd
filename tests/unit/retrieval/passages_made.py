"""Passages that the tests of retrieval make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_worker.retrieval.index import Index
from shared.stores.passages import Place, Stored
from shared.words import words


def a_place(symbol: str = "", **fields: Any) -> Place:
    """Return a place with something in each field."""
    kind = "function" if symbol else "module"
    usual: dict[str, Any] = {"path": "a.py", "language": "python", "kind": kind, "symbol": symbol, "start": 1, "end": 5}
    return Place(**usual | fields)


def a_vector(*numbers: float) -> NDArray[np.float32]:
    """Return a vector of length 1 in this direction."""
    found: NDArray[np.float32] = np.array(numbers, dtype=np.float32) / np.float32(np.linalg.norm(numbers))
    return found


def stored(passages: Sequence[tuple[Place, str, Sequence[float]]]) -> Stored:
    """Return a batch of places with their texts and the directions of their vectors."""
    return Stored(
        chunks=[str(number) for number in range(len(passages))],
        places=[place for place, _, _ in passages],
        texts=[text for _, text, _ in passages],
        words=[" ".join(words(f"{place.symbol} {text}")) for place, text, _ in passages],
        vectors=np.stack([a_vector(*vector) for _, _, vector in passages]),
    )


def indexed(*passages: tuple[Place, str, Sequence[float]]) -> Index:
    """Return their index."""
    return Index.of([stored(passages)] if passages else [])


def alike(count: int, **fields: Any) -> list[tuple[Place, str, Sequence[float]]]:
    """Return so many passages that differ in nothing but their lines and names."""
    return [
        (a_place(f"same{at}", start=at + 1, end=at + 1, **fields), "the very same text", (1.0, 0.0))
        for at in range(count)
    ]
