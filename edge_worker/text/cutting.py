"""Rows that are too long for one chunk, cut where statements begin: at the outermost ones that will do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge_worker.text.measure import MOST
from edge_worker.text.outline import NEVER

# Statements within statements: beyond this, lines are as good a border as any.
_DEEPEST = 40


def cut(sizes: Sequence[int], depths: Sequence[int], first: int, last: int) -> list[tuple[int, int]]:
    """Return (first row, last row) of the pieces of some rows: ``sizes`` and ``depths`` say how long and deep each is.

    One piece if it is short enough; else pieces of about equal length. A single row is never cut.
    """
    total = sum(sizes[first : last + 1])
    if total <= MOST:
        return [(first, last)]
    return _packed(list(_segments(sizes, depths, first, last)), total)


def _segments(sizes: Sequence[int], depths: Sequence[int], first: int, last: int) -> Iterator[tuple[int, int, int]]:
    """Yield (first row, last row, length) of stretches of statements, cut no deeper than it takes."""
    waiting = [(first, last, 0)]
    while waiting:
        begin, end, level = waiting.pop()
        total = sum(sizes[begin : end + 1])
        if total <= MOST or begin == end:
            yield begin, end, total
            continue
        shallowest = min(depths[begin + 1 : end + 1]) if level < _DEEPEST else NEVER
        borders = [row for row in range(begin + 1, end + 1) if depths[row] == shallowest or shallowest == NEVER]
        starts = [begin, *borders]
        waiting += [(row, after - 1, level + 1) for row, after in zip(starts, [*borders, end + 1], strict=True)][::-1]


def _packed(segments: Sequence[tuple[int, int, int]], total: int) -> list[tuple[int, int]]:
    """Join neighbours to the fewest pieces, then to the most even ones of that number."""
    fewest = len(_filled(segments, MOST))
    low, high = total // fewest, MOST
    while low < high:
        middle = (low + high) // 2
        if len(_filled(segments, middle)) <= fewest:
            high = middle
        else:
            low = middle + 1
    return _filled(segments, high)


def _filled(segments: Sequence[tuple[int, int, int]], most: int) -> list[tuple[int, int]]:
    pieces: list[tuple[int, int]] = []
    held = 0
    for first, last, size in segments:
        if pieces and held + size <= most:
            pieces[-1] = (pieces[-1][0], last)
            held += size
        else:
            pieces.append((first, last))
            held = size
    return pieces
