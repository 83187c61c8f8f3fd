"""What the control plane answers about graphs, as far as the command line reads it."""

from __future__ import annotations

from typing import TypedDict


class Import(TypedDict):
    """A file imports another; ``confidence`` is 1 for a rule of the language, less for a guess."""

    source: str
    target: str
    kinds: list[str]
    line: int
    confidence: float


class Way(TypedDict):
    """One path of imports from a file to another."""

    steps: list[Import]


class Cycle(TypedDict):
    """Files that import each other in circles; ``cut`` are imports to give up, never fewer than ``at_least``."""

    number: int
    size: int
    files: list[str]
    cut: list[Import]
    cut_size: int
    at_least: int


class Community(TypedDict):
    """Files that import each other more than others."""

    number: int
    size: int
    inside: int
    across: int
    leaders: list[str]


class Unresolved(TypedDict):
    """A local import that was not understood."""

    path: str
    line: int
    module: str


class Affected(TypedDict):
    """A file that a change probably touches; ``distance`` is the imports from it to the change."""

    path: str
    test: bool
    score: float
    distance: int | None
    reasons: list[str]


class Broken(TypedDict):
    """A module that is gone while others import it: ``importers`` are the first of ``importer_count``."""

    path: str
    status: str
    now: str | None
    importers: list[Import]
    importer_count: int


class Impact(TypedDict):
    """What a change touches, by the graph of ``commit``; ``truncated``: so much that some of it was not judged."""

    commit: str
    unknown: list[str]
    breaking: list[Broken]
    affected: list[Affected]
    truncated: bool
