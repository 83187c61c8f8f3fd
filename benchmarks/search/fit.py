"""Fit the ranker's weights to the docstrings' sentences, each repository by what the others teach.

    .venv/bin/python -m benchmarks.search.fit FOLDER --questions questions.tsv [--cache FILE] [--write VERSION]

FOLDER is what ``build_queries.py`` wrote. A conditional logit (``benchmarks.search.model``): of each question's
candidates the right ones' chance is made largest. Every figure is that of weights that have not seen the repository
which is asked; the typed questions take the same weights and teach nothing. ``--write`` fits all repositories together
and writes the weights that are shipped, under a new version.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.search.bench import Bench, opened
from benchmarks.search.model import Doubles, Lesson, fit
from benchmarks.search.rankings import by
from benchmarks.search.sets import Asked
from benchmarks.search.tables import heading, row
from edge_worker.retrieval.candidates import FEATURES, candidates
from edge_worker.retrieval.ranker import WEIGHTS, Ranker, scaled
from shared.nodes.search import Filters


def lessons(bench: Bench, asked: Sequence[Asked], names: Sequence[str]) -> list[Lesson]:
    """Return what can be learnt of some questions with some features, the others being nothing; those without an answer
    among their candidates teach nothing."""
    found = (_lesson(bench, one, names) for one in asked)
    return [lesson for lesson in found if lesson is not None]


def left_out(bench: Bench, names: Sequence[str]) -> dict[str, Ranker]:
    """Return for each repository a ranker that the others taught."""
    return {
        repository: _ranker("left-out", fit(lessons(bench, others, names)), names)
        for repository in bench.indexed
        if (others := [one for one in bench.docstrings if one.repository != repository])
    }


def _lesson(bench: Bench, one: Asked, names: Sequence[str]) -> Lesson | None:
    indexed = bench.indexed[one.repository]
    vector = bench.vectors[one.query] if "dense" in names else None
    found = candidates([(indexed.index, vector)], one.query, Filters())[0]
    right = np.isin(found.numbers, list(bench.hits(one))).astype(np.float64)
    if not right.any():
        return None
    features = scaled(found.features) * np.array([name in names for name in FEATURES])
    return Lesson(features=features.astype(np.float64), right=right / right.sum())


def _ranker(version: str, weights: Doubles, names: Sequence[str]) -> Ranker:
    """Return a ranker of these weights, whether or not there is a vector."""
    rounded = tuple(
        round(float(weight), 2) if name in names else 0.0 for name, weight in zip(FEATURES, weights, strict=True)
    )
    return Ranker(version=version, weights=rounded, without_vector=rounded)


def _report(bench: Bench, what: str, names: Sequence[str]) -> None:
    rankers = left_out(bench, names)
    ways = {repository: by(ranker, dense="dense" in names) for repository, ranker in rankers.items()}
    print(row(what, bench.worths(lambda one: ways[one.repository])))


def _written(bench: Bench, version: str, variants: dict[str, Sequence[str]]) -> str:
    named = {
        key: dict(
            zip(FEATURES, _ranker(version, fit(lessons(bench, bench.docstrings, names)), names).weights, strict=True)
        )
        for key, names in variants.items()
    }
    lines = ",\n".join(f'  "{key}": {json.dumps(value)}' for key, value in {"version": version, **named}.items())
    return f"{{\n{lines}\n}}\n"


def main() -> None:
    """Report what the weights are worth where they were not fitted; write them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path(".vectors.sqlite"))
    parser.add_argument("--write", metavar="VERSION")
    asked = parser.parse_args()
    wordy = [name for name in FEATURES if name != "dense"]
    with opened(asked.folder, asked.questions, asked.cache) as bench:
        print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n\n{heading(bench)}")
        _report(bench, "all features", FEATURES)
        _report(bench, "without length", [name for name in FEATURES if name != "length"])
        _report(bench, "without file", [name for name in FEATURES if name != "file"])
        _report(bench, "without symbol", [name for name in FEATURES if name != "symbol"])
        _report(bench, "no vector", wordy)
        if asked.write:
            WEIGHTS.write_text(_written(bench, asked.write, {"weights": FEATURES, "without_vector": wordy}))
            print(WEIGHTS.read_text())


if __name__ == "__main__":
    main()
