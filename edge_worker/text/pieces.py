"""Rows that become a chunk, and what is too little to be one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from edge_worker.text.chunk import ChunkKind

# Brackets, ``end``, ``#endif``: what only closes or opens the block around a symbol says nothing by itself.
_CLOSER = re.compile(r"(?:[^\w\"'`]|\b(?:end|endif|fi|else|extern)\b){1,40}")
_MOST_ROWS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Rows, the last one included, and what is said of them."""

    first: int
    last: int
    kind: ChunkKind
    symbol: str = ""
    #: The first lines of what encloses it, the outermost first.
    enclosing: tuple[str, ...] = ()


def joined(pieces: Iterable[Piece], lines: Sequence[str]) -> Iterator[Piece]:
    """Yield the pieces, each with the closing lines that follow it; those before the first one go with that."""
    held: Piece | None = None
    for piece in pieces:
        if held is None:
            held = piece
        elif _is_closer(lines, piece):
            held = replace(held, last=piece.last)
        elif _is_closer(lines, held):
            held = replace(piece, first=held.first)
        else:
            yield held
            held = piece
    if held is not None:
        yield held


def trimmed(pieces: Iterable[Piece], sizes: Sequence[int]) -> Iterator[Piece]:
    """Yield the pieces without the blank rows at their ends, and none of those that are blank throughout."""
    for piece in pieces:
        first, last = piece.first, piece.last
        while first <= last and not sizes[first]:
            first += 1
        while first <= last and not sizes[last]:
            last -= 1
        if first <= last:
            yield replace(piece, first=first, last=last)


def _is_closer(lines: Sequence[str], piece: Piece) -> bool:
    if piece.last - piece.first >= _MOST_ROWS:
        return False
    return _CLOSER.fullmatch(" ".join(line.strip() for line in lines[piece.first : piece.last + 1])) is not None
