"""Figures as rows of a table in Markdown."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.search.bench import Bench
from benchmarks.search.metric import Worth


def heading(bench: Bench) -> str:
    """Return the first two lines; under each group stand MRR@10 and recall@10, and under the first file recall@10."""
    names = [f"{name} ({len(group)})" for name, group in bench.groups.items()]
    cells = ["MRR@10 / recall@10", *names, "file recall@10"]
    return f"| {' | '.join(cells)} |\n|{' --- |' * len(cells)}"


def row(what: str, worths: Mapping[str, Worth]) -> str:
    """Return one line."""
    cells = [f"{worth.mrr:.3f} / {worth.recall:.3f}" for worth in worths.values()]
    files = next(iter(worths.values())).files
    return f"| {' | '.join([what, *cells, f'{files:.3f}'])} |"
