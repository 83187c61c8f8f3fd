"""What the page shows of a search. Names and text come from strangers' repositories: the templates escape them."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: What would turn a line's text around, end it, or hide what stands there.
_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_WHENCE = {"cache": ", as before", "stale": ", from before the last index", "names": " among paths and symbols"}


@dataclass(frozen=True, kw_only=True)
class HitRow:
    """One hit: where it is, what it is, and its first lines."""

    place: str
    what: str
    snippet: str


@dataclass(frozen=True, kw_only=True)
class FoundPage:
    """What a question found, best first."""

    title: str
    notes: tuple[str, ...]
    hits: tuple[HitRow, ...]


def hit_row(*, repository: str, path: str, line: int, symbol: str, kind: str, snippet: str) -> HitRow:
    """Return a hit as the page shows it."""
    place = f"{path}:{line}" if line else path
    return HitRow(
        place=_fit(place).replace("\n", " "),
        what=_fit(" ".join(filter(None, (kind, symbol, "in", repository)))).replace("\n", " "),
        snippet=_fit(snippet),
    )


def found_title(count: int, source: str) -> str:
    """Return the line above the hits."""
    return f"{count} found{_WHENCE.get(source, '')}"


def _fit(text: str) -> str:
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)
