"""What searching costs besides the model: CPU seconds for an index, and CPU milliseconds for a question over it.

    .venv/bin/python -m benchmarks.search.speed FOLDER [passages]

FOLDER is what ``build_queries.py`` wrote: its passages, as often as it takes for so many (20,000), each time in another
folder, with vectors of chance of the small model's dimension. The docstrings' sentences are asked, on one thread.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from time import process_time

import numpy as np

from benchmarks.search.cuts import Cut, by_symbol
from benchmarks.search.sets import corpora, docstrings
from edge_worker.retrieval.candidates import candidates
from edge_worker.retrieval.index import Index
from edge_worker.retrieval.ranker import shipped
from edge_worker.retrieval.snippets import snippet
from shared.nodes.search import Filters
from shared.stores.passages import Stored
from shared.words import words

_DIMENSION, _BATCH, _QUESTIONS, _ROUNDS = 384, 1_000, 200, 5
_FILTERS = {
    "no filter": Filters(),
    "one folder": Filters(path="1/"),
    "language and kind": Filters(languages=("python",), kinds=("function", "method")),
}


def batches(cuts: Sequence[Cut], count: int) -> list[Stored]:
    """Return so many passages as a store gives them."""
    chance = np.random.default_rng(1)
    many = [
        replace(cut, place=replace(cut.place, path=f"{number // len(cuts)}/{cut.place.path}"))
        for number, cut in enumerate(islice(cycle(cuts), count))
    ]
    return [_batch(many[at : at + _BATCH], chance) for at in range(0, count, _BATCH)]


def _batch(cuts: Sequence[Cut], chance: np.random.Generator) -> Stored:
    vectors = chance.normal(size=(len(cuts), _DIMENSION)).astype(np.float32)
    return Stored(
        chunks=[""] * len(cuts),
        places=[cut.place for cut in cuts],
        texts=[cut.text for cut in cuts],
        words=[" ".join(words(cut.content)) for cut in cuts],
        vectors=vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
    )


def _build(stored: Sequence[Stored]) -> tuple[Index, float]:
    began = process_time()
    index = Index.of(stored)
    return index, process_time() - began


def _ask(index: Index, query: str, filters: Filters) -> float:
    began = process_time()
    found = candidates([(index, index.vectors[0])], query, filters)
    asked = frozenset(words(query))
    for one in shipped().rank(found, 10):
        snippet(index.texts[one.number], index.places[one.number].start, asked)
    return (process_time() - began) * 1000


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("passages", type=int, nargs="?", default=20_000)
    asked = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    stored = batches([cut for files in corpora(asked.folder).values() for cut in by_symbol(files)], asked.passages)
    built = [_build(stored) for _ in range(_ROUNDS)]
    index = built[-1][0]
    taken = sorted(seconds for _, seconds in built)[_ROUNDS // 2]
    print(f"index of {len(index):,} passages: {taken:.2f} s of CPU (median of {_ROUNDS}), {index.size / 1e6:.0f} MB")
    queries = [one.query for one in docstrings(asked.folder)]
    queries = queries[:: max(1, len(queries) // _QUESTIONS)]
    for name, filters in _FILTERS.items():
        times = [_ask(index, query, filters) for query in queries]
        half, most = np.quantile(times, (0.5, 0.95))
        print(f"a question, {name}: p50 {half:.1f} ms, p95 {most:.1f} ms of CPU ({len(times)} questions)")


if __name__ == "__main__":
    main()
