"""How long text is and may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

#: Characters, without blanks, that one chunk has at most where it can be cut.
MOST: Final = 800


def sizes_of(lines: Sequence[str]) -> list[int]:
    """Return how many characters, without blanks, each line has."""
    return [len("".join(line.split())) for line in lines]
