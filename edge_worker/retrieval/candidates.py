"""Candidates: of all passages those that may be meant, and what there is to rank them by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_worker.retrieval.index import Index
from edge_worker.retrieval.postings import Floats, Ints, Postings
from edge_worker.retrieval.rarity import Rarity
from shared.nodes.search import Filters
from shared.stores.passages import Place
from shared.words import words

#: The best so many by each of the ways of looking.
MOST = 100
#: The columns of a candidate's features, in order. Weights are by these names.
FEATURES = ("dense", "words", "symbol", "file", "length")

#: An index, and the question's vector by the model that its passages were embedded with, if there is one.
Looked = tuple[Index, NDArray[np.float32] | None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidates:
    """Some passages of one index by number, and their ``(passages, len(FEATURES))`` features, not yet scaled.

    ``dense`` is NaN where nothing is known of it.
    """

    index: Index
    numbers: Ints
    features: Floats


def candidates(looked: Sequence[Looked], query: str, filters: Filters) -> list[Candidates]:
    """Return, index by index, what of all of them together is best by vector, by words, or by words and symbol.

    Only what passes the filters is among them; no index is judged by other measures than its neighbour.
    """
    asked = words(query)
    spoken = _scores([index.passages for index, _ in looked], asked)
    named = _scores([index.symbols for index, _ in looked], asked)
    whole = _scores([index.files for index, _ in looked], asked)
    dense = [_near(index, vector) for index, vector in looked]
    admitted = np.concatenate([np.zeros(0, dtype=np.bool_), *(_admitted(index, filters) for index, _ in looked)])
    chosen = _chosen(_joined(spoken), _joined(named), _joined(dense), admitted)
    found, start = list[Candidates](), 0
    for at, (index, _) in enumerate(looked):
        mine = chosen[(chosen >= start) & (chosen < start + len(index))] - start
        of_file = whole[at][index.file_of[mine]]
        columns = (dense[at][mine], spoken[at][mine], named[at][mine], of_file, index.log_lengths[mine])
        found.append(Candidates(index=index, numbers=mine, features=np.stack(columns, axis=1).astype(np.float32)))
        start += len(index)
    return found


def _scores(several: Sequence[Postings], asked: Sequence[str]) -> list[Floats]:
    rarity = Rarity.among(several, asked)
    return [postings.scores(rarity.weights, rarity.average) for postings in several]


def _near(index: Index, vector: NDArray[np.float32] | None) -> Floats:
    return index.cosines(vector) if vector is not None else np.full(len(index), np.nan, dtype=np.float32)


def _joined(parts: Sequence[Floats]) -> Floats:
    return np.concatenate([np.zeros(0, dtype=np.float32), *parts])


def _chosen(spoken: Floats, named: Floats, dense: Floats, admitted: NDArray[np.bool_]) -> Ints:
    """Return numbers in order; they count through all indexes, one behind the other."""
    said = admitted & (spoken + named > 0)
    best = (_best(spoken, said), _best(spoken + named, said), _best(dense, admitted & ~np.isnan(dense)))
    return np.unique(np.concatenate(best))


def _admitted(index: Index, filters: Filters) -> NDArray[np.bool_]:
    if filters == Filters():
        return np.ones(len(index), dtype=np.bool_)
    # Path and language are the whole file's: there are far fewer files than passages.
    heads = [index.places[number] for number in index.heads.tolist()]
    passing: NDArray[np.bool_] = np.array([_passes(head, filters) for head in heads], dtype=np.bool_)[index.file_of]
    if filters.kinds:
        passing &= np.isin(index.kinds, filters.kinds)
    return passing


def _passes(head: Place, filters: Filters) -> bool:
    return head.path.startswith(filters.path) and (not filters.languages or head.language in filters.languages)


def _best(scores: Floats, among: NDArray[np.bool_]) -> Ints:
    """Return the numbers of the best; of those that are as good as the last of them, the first ones."""
    numbers = np.flatnonzero(among)
    if len(numbers) <= MOST:
        return numbers
    least = np.partition(scores[numbers], -MOST)[-MOST]
    above, even = numbers[scores[numbers] > least], numbers[scores[numbers] == least]
    return np.concatenate((above, even[: MOST - len(above)]))
