"""Whole symbols: a long function lies in several passages, and who looks for it wants all of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shared.stores.passages import Place

_FUNCTIONS = frozenset({"function", "method"})

Spans = NDArray[np.int32]


def spans_of(places: Sequence[Place]) -> Spans:
    """Return ``(places, 2)``: the first and the last line of the symbol that each place is a piece of.

    Places are given by path and line. A function has its nested ones within it. Of a class it is the stretch between
    its methods that a place belongs to; sections and what has no name stand for themselves.
    """
    spans = np.array([(place.start, place.end) for place in places], dtype=np.int32).reshape(-1, 2)
    #: The symbols around the place that was last seen, the outermost first: their names, and the places they have.
    open_now: list[tuple[str, list[int]]] = []
    last: Place | None = None
    for number, place in enumerate(places):
        if last is None or place.path != last.path:
            open_now = []
        while open_now and not _is_within(place.symbol, open_now[-1][0]):
            open_now.pop()
        if open_now and open_now[-1][0] == place.symbol and _goes_on(place, last):
            pieces = open_now[-1][1]
            pieces.append(number)
            spans[pieces, 1] = place.end
            spans[number, 0] = spans[pieces[0], 0]
        else:
            open_now.append((place.symbol, [number]))
        last = place
    return spans


def _is_within(symbol: str, outer: str) -> bool:
    return bool(outer) and (symbol == outer or symbol.startswith(f"{outer}."))


def _goes_on(place: Place, last: Place | None) -> bool:
    """Return whether a place is a further piece of the symbol that was open before it."""
    follows = last is not None and last.symbol == place.symbol
    return place.kind in _FUNCTIONS or (place.kind == "class" and follows)
