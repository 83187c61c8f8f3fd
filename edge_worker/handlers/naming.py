"""Naming: what of a file's chunks the ledger may know, which is what they are called and where they stand."""

from __future__ import annotations

from collections.abc import Sequence

from edge_worker.text.chunk import Chunk
from shared.textual import MOST_NAMES, Name, NamesRow

#: Characters of a name; headings may be sentences.
_LONGEST = 300


def names_of(chunks: Sequence[Chunk]) -> NamesRow:
    """Return the names of one file, of which there is one chunk at least, in the order of its lines.

    The pieces of a long function are one name.
    """
    found: dict[str, Name] = {}
    for chunk in chunks:
        symbol = chunk.symbol[:_LONGEST]
        known = found.get(symbol)
        if known is not None:
            start, end = min(known.start, chunk.start), max(known.end, chunk.end)
            found[symbol] = Name(symbol=symbol, kind=known.kind, start=start, end=end)
        elif symbol and len(found) < MOST_NAMES:
            found[symbol] = Name(symbol=symbol, kind=chunk.kind, start=chunk.start, end=chunk.end)
    return NamesRow(path=chunks[0].path, language=chunks[0].language, names=tuple(found.values()))
