"""Lines without a grammar, cut where a reader would: at a blank line, if there is one in reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

#: Rows of a window, and how many of its last ones may hold the blank line that ends it sooner.
ROWS = 40
_REACH = 15
#: Characters, without blanks, above which a window takes no other row.
_MOST = 1600


def windows(sizes: Sequence[int], first: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield (first row, last row) of the windows of some rows, of which ``sizes`` says how long each is."""
    while first <= last:
        end = _end(sizes, first, last)
        yield first, end
        first = end + 1


def _end(sizes: Sequence[int], first: int, last: int) -> int:
    total, end = sizes[first], first
    while end < min(last, first + ROWS - 1) and total + sizes[end + 1] <= _MOST:
        end += 1
        total += sizes[end]
    if end == last:
        return end
    for row in range(end, max(first, end - _REACH), -1):
        if not sizes[row]:
            return row
    return end
