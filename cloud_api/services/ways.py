"""A few whole ways out of the edges that lie on shortest ones. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from shared.ledger.graph import Import

#: An import that is gone when the program runs is the weakest reason to depend on something.
_WEAK = frozenset({"type-only"})


def few_ways(edges: Iterable[tuple[int, Import]], *, source: str, target: str, limit: int) -> list[tuple[Import, ...]]:
    """Return up to ``limit`` ways from ``source`` to ``target``, each of its imports in order.

    ``edges`` come with their step from 1. Ways that begin with what runs, and with what is certain, come first.
    """
    onward: dict[tuple[int, str], list[Import]] = {}
    last = 0
    for step, edge in edges:
        onward.setdefault((step, edge.source), []).append(edge)
        last = max(last, step)
    for choices in onward.values():
        choices.sort(key=lambda edge: (_WEAK.issuperset(edge.kinds), -edge.confidence, edge.target))

    def walk(at: str, step: int) -> Iterator[tuple[Import, ...]]:
        if step > last:
            if at == target:
                yield ()
            return
        for edge in onward.get((step, at), ()):
            for rest in walk(edge.target, step + 1):
                yield (edge, *rest)

    return list(islice(walk(source, 1), limit)) if last else []
