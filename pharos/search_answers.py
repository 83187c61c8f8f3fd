"""What the control plane answers to a search, as far as the command line reads it."""

from __future__ import annotations

from typing import TypedDict


class Hit(TypedDict):
    """Lines of a file that were found; 0 where its name alone was."""

    repository: str
    path: str
    language: str
    kind: str
    symbol: str
    start: int
    end: int
    snippet: str
    snippet_start: int


class Search(TypedDict):
    """What was found, best first; ``notes`` say what the answer lacks, ``repositories`` how many were searched."""

    hits: list[Hit]
    source: str
    degraded: str | None
    notes: list[str]
    repositories: int
