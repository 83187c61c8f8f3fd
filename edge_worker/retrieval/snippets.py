"""What of a passage is shown: its beginning, or the lines around what was asked for."""

from __future__ import annotations

from shared.words import words

#: Lines and characters of a snippet.
_LINES = 12
_WIDTH = 400


def snippet(text: str, start: int, asked: frozenset[str]) -> tuple[str, int]:
    """Return some lines of a passage that begins at line ``start``, and the number of the first of them.

    They are those that hold most of the words that were asked for, the first ones where it is all the same.
    """
    lines = text.split("\n")
    if len(lines) <= _LINES:
        return _cut(lines), start
    hits = [len(asked.intersection(words(line[:_WIDTH]))) for line in lines]
    window = best = sum(hits[:_LINES])
    at = 0
    for first in range(1, len(lines) - _LINES + 1):
        window += hits[first + _LINES - 1] - hits[first - 1]
        if window > best:
            best, at = window, first
    return _cut(lines[at : at + _LINES]), start + at


def _cut(lines: list[str]) -> str:
    return "\n".join(line if len(line) <= _WIDTH else f"{line[:_WIDTH]}…" for line in lines)
