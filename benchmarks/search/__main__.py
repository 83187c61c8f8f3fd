"""How well ways of cutting and ranking find what is meant, on the open sets.

    .venv/bin/python -m benchmarks.search FOLDER --questions questions.tsv [--cache vectors.sqlite]

FOLDER is what ``build_queries.py`` wrote. Files are cut into one passage a symbol, as an ingest does, or into windows
of characters; the small model embeds them, some minutes of CPU if the cache is empty. A result is the whole symbol that
a passage is a piece of, and a symbol comes once, whatever the ranking. `low overlap` are the docstrings that have fewer
words of the answer's name than the median one. The shipped weights have seen these docstrings: what they are worth on
repositories that they have not seen is what ``benchmarks.search.fit`` prints.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from benchmarks.search.bench import Bench, opened, windowed
from benchmarks.search.rankings import Ranking, by, by_both_ranks, by_vectors, by_words, by_words_and_symbol
from benchmarks.search.tables import heading, row
from edge_worker.retrieval.ranker import shipped

_WIDTHS = (512, 1500)


def _print(bench: Bench, what: str, ranking: Ranking) -> None:
    print(row(what, bench.worths(lambda one: ranking)), flush=True)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path(".vectors.sqlite"))
    asked = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    with opened(asked.folder, asked.questions, asked.cache) as bench:
        print(heading(bench))
        _print(bench, "BM25", by_words)
        _print(bench, "BM25 with symbols", by_words_and_symbol)
        _print(bench, "dense", by_vectors)
        _print(bench, "RRF of dense and BM25 with symbols", by_both_ranks)
        _print(bench, f"{shipped().version}, no vector", by(shipped(), dense=False))
        _print(bench, shipped().version, by(shipped()))
    for width in _WIDTHS:
        with windowed(asked.folder, asked.questions, asked.cache, width) as bench:
            _print(bench, f"windows of {width}: BM25", by_words)
            _print(bench, f"windows of {width}: dense", by_vectors)
            _print(bench, f"windows of {width}: RRF", by_both_ranks)


if __name__ == "__main__":
    main()
