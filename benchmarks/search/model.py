"""Weights of the linear ranker from questions with known answers: a conditional logit, fitted by Newton's method.

Of each question's candidates, scaled as the ranker scales them, a softmax over their scores gives the chance of each to
be the answer; the weights make the logarithm of the right ones' chances largest, less a small penalty on their squares.
That is convex, so that the same questions give the same weights on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

_PENALTY = 1e-3
_ROUNDS = 50
_ENOUGH = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """One question: its candidates' scaled features, ``(candidates, features)``, and which are right, with sum 1."""

    features: Doubles
    right: Doubles


def fit(lessons: Sequence[Lesson]) -> Doubles:
    """Return the weights, ``(features,)``.

    Raises:
        ValueError: there is nothing to learn from.
    """
    if not lessons:
        raise ValueError("no question has its answer among its candidates")
    weights = np.zeros(lessons[0].features.shape[1])
    before = loss(lessons, weights)
    for _ in range(_ROUNDS):
        step = _step(lessons, weights)
        while (after := loss(lessons, weights - step)) > before + _ENOUGH:
            step = step / 2
        weights = weights - step
        if before - after < _ENOUGH:
            break
        before = after
    return weights


def loss(lessons: Sequence[Lesson], weights: Doubles) -> float:
    """Return what is made smallest, a question on average."""
    total = 0.0
    for lesson in lessons:
        scores = lesson.features @ weights
        most = scores.max()
        total += most + np.log(np.exp(scores - most).sum()) - lesson.right @ scores
    return float(total / len(lessons) + _PENALTY / 2 * weights @ weights)


def _step(lessons: Sequence[Lesson], weights: Doubles) -> Doubles:
    slope, bend = _PENALTY * weights, _PENALTY * np.eye(len(weights))
    for lesson in lessons:
        scores = lesson.features @ weights
        chances = np.exp(scores - scores.max())
        chances /= chances.sum()
        mean = chances @ lesson.features
        apart = lesson.features - mean
        slope = slope + (mean - lesson.right @ lesson.features) / len(lessons)
        bend = bend + (apart * chances[:, None]).T @ apart / len(lessons)
    return np.linalg.solve(bend, slope).astype(np.float64, copy=False)
