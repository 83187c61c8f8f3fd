"""When a result is a hit, and what a list of results is worth: MRR@10, recall@10, and recall of the file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.search.sets import Span

_FIRST = 10


@dataclass(frozen=True, kw_only=True)
class Worth:
    """What the results of one question, or of many on average, are worth."""

    mrr: float
    recall: float
    files: float
    questions: int = 1

    @classmethod
    def mean(cls, worths: Sequence[Worth]) -> Worth:
        """Return the average of some questions."""
        count = len(worths)
        return cls(
            mrr=sum(worth.mrr for worth in worths) / count,
            recall=sum(worth.recall for worth in worths) / count,
            files=sum(worth.files for worth in worths) / count,
            questions=count,
        )


class Judge:
    """Knows all that one index can answer with, and so what is the best that it could."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._spans: dict[str, list[tuple[int, Span]]] = defaultdict(list)
        for number, span in enumerate(spans):
            self._spans[span.path].append((number, span))

    def hits(self, answers: Iterable[Span]) -> frozenset[int]:
        """Return the numbers of the results that are right for any of the answers.

        Those that cover half of an answer's lines; where none does, those that lie at least half within it; where none
        does that either, the one that shares most lines, of several the last.
        """
        return frozenset(number for answer in answers for number in self._of(answer))

    def _of(self, answer: Span) -> list[int]:
        shared = [(number, span, answer.shared(span)) for number, span in self._spans[answer.path]]
        covering = [number for number, _, lines in shared if 2 * lines >= _lines(answer)]
        if covering:
            return covering
        within = [number for number, span, lines in shared if lines and 2 * lines >= _lines(span)]
        if within:
            return within
        most = max(((lines, number) for number, _, lines in shared if lines), default=None)
        return [most[1]] if most else []


def worth(results: Sequence[int], hits: frozenset[int], paths: Sequence[str], answers: Iterable[Span]) -> Worth:
    """Return what the best 100 results are worth; ``paths`` has the path of each number."""
    rank = next((rank for rank, number in enumerate(results[:_FIRST], 1) if number in hits), None)
    files = list(dict.fromkeys(paths[number] for number in results[:100]))[:_FIRST]
    return Worth(
        mrr=1 / rank if rank else 0.0,
        recall=float(rank is not None),
        files=float(any(answer.path in files for answer in answers)),
    )


def _lines(span: Span) -> int:
    return span.end - span.start + 1
