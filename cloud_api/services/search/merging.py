"""Hits of several homes as one list, and several hits of a file as one."""

from __future__ import annotations

from collections.abc import Sequence

from cloud_api.services.search.answers import Hit


def merged(lists: Sequence[Sequence[Hit]], *, limit: int) -> tuple[Hit, ...]:
    """Return the best of several lists, each best first.

    Scores are scaled within each answer, so that 2.0 of one home says nothing beside 1.0 of another. What does carry
    over is the place: all first ones come before all second ones. At one place a worker's hit comes before a name's,
    and among workers the higher score: it stood out more from its own field.
    """
    placed = [
        (place, hit.by == "names", -hit.score, number, hit)
        for number, hits in enumerate(lists)
        for place, hit in enumerate(hits)
    ]
    placed.sort(key=lambda one: one[:4])
    return tuple(hit for *_, hit in placed[:limit])


def by_file(hits: Sequence[Hit], *, limit: int) -> list[tuple[Hit, list[Hit]]]:
    """Return up to ``limit`` files by their best hit, each with its other hits."""
    files: dict[tuple[str, str], tuple[Hit, list[Hit]]] = {}
    for hit in hits:
        place = (hit.repository_id, hit.path)
        if place in files:
            files[place][1].append(hit)
        elif len(files) < limit:
            files[place] = (hit, [])
    return list(files.values())
