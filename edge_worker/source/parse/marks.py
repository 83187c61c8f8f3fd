"""The next place of each of a few marks in a text, found no further than somebody asks."""

from __future__ import annotations


class Marks:
    """Offsets that are asked for only grow, so every byte is searched once for each mark."""

    def __init__(self, text: bytes, *marks: bytes) -> None:
        self._text = text
        self._marks = marks
        #: Before these there is none of each mark; where one was found, it is there.
        self._none_before = [0] * len(marks)
        self._is_there = [False] * len(marks)

    def next(self, start: int, before: int) -> int:
        """Return where the first mark is at ``start`` or behind it and before ``before``, which is returned if none."""
        nearest = before
        for index, mark in enumerate(self._marks):
            known = self._none_before[index]
            if known < start:
                known, self._is_there[index] = start, False
            if known < before and not self._is_there[index]:
                found = self._text.find(mark, known, before + len(mark) - 1)
                self._is_there[index] = found >= 0
                known = found if found >= 0 else before
            self._none_before[index] = known
            nearest = min(nearest, known)
        return nearest
