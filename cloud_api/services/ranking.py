"""Which files a change touches most, judged by the graph, by likeness and by names. Pure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.ledger.graph import Touched
from shared.paths import folder_of, is_test, words_of

#: What each sign is worth: fitted on the last hundred commits of one repository and rounded, so that the other files of
#: a commit come first when one of them is given (benchmarks/impact.py, which measures on others).
_WORTH: Mapping[str, float] = {
    "imports": 0.8,
    "reaches": 0.4,
    "test reaches": 0.6,
    "imported": 0.9,
    "rarely imported": 0.55,
    "imports little else": 0.2,
    "alike": 0.65,
    "names": 1.0,
    "test names": 0.5,
    "folder": 0.45,
    "imports much": 0.7,
}
#: Changed files whose names are compared with each candidate's.
_NAMES = 50
#: The share of the rarest word's weight from which on a word counts.
_COMMON = 0.01
#: From here on names have enough in common to be told as a reason.
_NAMED_ALIKE = 0.3
#: The weight of a reason that is told where there is no better one.
_LITTLE = 0.001


@dataclass(frozen=True, kw_only=True)
class Affected:
    """A file that a change probably touches. ``score`` orders the files of one answer and means nothing beside that."""

    path: str
    language: str
    test: bool
    score: float
    #: Imports from it to the nearest changed file; ``None``: it does not depend on one, or from far away.
    distance: int | None
    #: What speaks for it, in words, the strongest first; never none.
    reasons: tuple[str, ...]


def rank(changed: Sequence[str], found: Sequence[Touched], *, limit: int) -> list[Affected]:
    """Return the ``limit`` files that the change of ``changed`` touches most: tests first, each part best first."""
    own = set(changed)
    candidates = [file for file in found if file.path not in own]
    names = Names(changed, candidates)
    folders = frozenset(map(folder_of, changed))
    judged = [(_signs(file, names, folders), file) for file in candidates]
    scored = [(sum(_WORTH[sign] * value for sign, value in signs.items()), signs, file) for signs, file in judged]
    scored.sort(key=lambda one: (-one[0], one[2].path))
    best = [_affected(*one) for one in scored[:limit]]
    return sorted(best, key=lambda one: not one.test)


class Names:
    """How much the names in two paths have in common, where rare words count more: the cosine of their weights."""

    def __init__(self, changed: Sequence[str], candidates: Sequence[Touched]) -> None:
        self._words = {file.path: words_of(file.path) for file in candidates}
        counts = Counter(word for words in self._words.values() for word in words)
        every = len(candidates) + 1
        self._weights = {word: math.log(every / (count + 0.5)) ** 2 for word, count in counts.items()}
        self._rarest = math.log(every / 0.5) ** 2
        changed_words = sorted({words_of(path) for path in changed[:_NAMES]}, key=sorted)
        self._norms = [self._norm(words) for words in changed_words]
        #: Which changed files have a word; one that nearly every candidate has ties nothing to anything.
        self._having: dict[str, list[int]] = defaultdict(list)
        for index, words in enumerate(changed_words):
            for word in words:
                if self._weight(word) > _COMMON * self._rarest:
                    self._having[word].append(index)

    def likeness(self, path: str) -> float:
        """Return how much the path of a candidate is like that of the changed file most like it, from 0 to 1."""
        words, shared = self._words[path], defaultdict[int, float](float)
        for word in words:
            for index in self._having.get(word, ()):
                shared[index] += self._weight(word)
        if not shared:
            return 0.0
        return max(weight / self._norms[index] for index, weight in shared.items()) / self._norm(words)

    def _norm(self, words: frozenset[str]) -> float:
        # Never nothing: a word that is everywhere weighs as good as none.
        return math.sqrt(sum(map(self._weight, words))) or 1.0

    def _weight(self, word: str) -> float:
        return self._weights.get(word, self._rarest)


def _signs(file: Touched, names: Names, folders: frozenset[str]) -> dict[str, float]:
    """Return what speaks for a file, by the names of ``_WORTH``."""
    steps, test, alike = file.backwards, is_test(file.path), names.likeness(file.path)
    reaches = 1 / steps if steps else 0.0
    return {
        "imports": float(steps == 1),
        "reaches": reaches,
        "test reaches": reaches * test,
        "imported": float(file.forwards == 1),
        "rarely imported": (file.forwards == 1) / math.sqrt(max(file.importers, 1)),
        "imports little else": (steps == 1) / math.sqrt(max(file.imports, 1)),
        "alike": max(file.likeness or 0.0, 0.0),
        "names": alike,
        "test names": alike * test,
        "folder": float(folder_of(file.path) in folders),
        "imports much": math.log1p(file.imports),
    }


def _affected(score: float, signs: Mapping[str, float], file: Touched) -> Affected:
    steps = file.backwards
    told = (
        ("imports a changed file", signs["imports"] * (_WORTH["imports"] + _WORTH["reaches"])),
        (f"depends on a changed file, {steps} imports away", signs["reaches"] * _WORTH["reaches"] * (steps != 1)),
        ("is imported by a changed file", signs["imported"] * _WORTH["imported"]),
        ("has a like place in the graph", signs["alike"] * _WORTH["alike"]),
        ("has a like name", signs["names"] * _WORTH["names"] * (signs["names"] >= _NAMED_ALIKE)),
        ("is in the same folder", signs["folder"] * _WORTH["folder"]),
        ("is imported by what a changed file imports", _LITTLE * (file.forwards == 2)),
    )
    reasons = sorted((one for one in told if one[1] > 0), key=lambda one: -one[1])
    # Whoever is here for none of these has a name of the same subject.
    reasons = reasons or [("has a like name", _LITTLE)]
    return Affected(
        path=file.path,
        language=file.language,
        test=is_test(file.path),
        score=round(score, 4),
        distance=steps,
        reasons=tuple(reason for reason, _ in reasons),
    )
