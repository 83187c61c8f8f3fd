"""Glob patterns of configuration files, matched segment by segment so that no pattern is slow."""

from __future__ import annotations

from fnmatch import fnmatchcase


def matches(pattern: str, path: str) -> bool:
    """Return whether a path matches; ``**`` stands for any number of segments, ``*`` and ``?`` stay within one."""
    wanted = [segment for segment in pattern.split("/") if segment not in {"", "."}]
    reached = {0}
    for segment in path.split("/") if path else []:
        reached = _closed(reached, wanted)
        reached = {
            index if wanted[index] == "**" else index + 1
            for index in reached
            if index < len(wanted) and (wanted[index] == "**" or fnmatchcase(segment, wanted[index]))
        }
    return len(wanted) in _closed(reached, wanted)


def _closed(reached: set[int], wanted: list[str]) -> set[int]:
    """Add the places that ``**`` reaches by standing for nothing."""
    closed = set(reached)
    for index in sorted(reached):
        at = index
        while at < len(wanted) and wanted[at] == "**":
            at += 1
            closed.add(at)
    return closed
