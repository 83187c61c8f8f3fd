"""One question from its words to its hits: read, embed, rank, show."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from edge_worker.models.spec import ModelSpec
from edge_worker.retrieval.candidates import candidates
from edge_worker.retrieval.ranker import Ranked, shipped
from edge_worker.retrieval.snippets import snippet
from edge_worker.searching.holdings import Held, Holdings
from edge_worker.searching.model import Lack, Model
from shared.nodes.line import MAX_BODY
from shared.nodes.search import Answer, Found, Question, Target
from shared.stores.passages import Vectors
from shared.text import plain
from shared.words import words

#: Seconds that are kept for ranking and for the answer's way, of a short time no more than this share.
_RESERVE, _SHARE = 0.15, 0.25
#: Bytes of an answer besides its hits.
_AROUND = 2_000


@dataclass(frozen=True, kw_only=True)
class Seeker:
    """Answers questions one after the other. For one thread."""

    holdings: Holdings
    model: Model

    def answer(self, question: Question, until: float) -> Answer:
        """Return what is found; by words alone where the question's vector is not there in time.

        Raises:
            NotFound: the text is not here.
            Unavailable: it does not fit, or the store does not answer.
        """
        stages, spec = _Stages(), self.model.spec()
        if spec is not None and any(_is_of(target, spec) for target in question.targets):
            self.model.begin(question.query)
        with stages.timed("index"):
            held = self.holdings.of(question.tenant_id, question.targets)
        with stages.timed("embed"):
            vector = self._vector(question, held, spec, until)
        with stages.timed("rank"):
            hits = _hits(question, held, spec, vector)
        # Not before there is an answer: the libraries that it loads would hold that up.
        self.model.load()
        lack = _lack(vector, held, spec)
        return Answer(
            hits=hits,
            ranker=shipped().version,
            model=spec.name if spec is not None and not isinstance(vector, Lack) else None,
            degraded=lack.degraded if lack is not None else None,
            ready_in=lack.ready_in if lack is not None else None,
            timings=stages.milliseconds,
        )

    def _vector(self, question: Question, held: Held, spec: ModelSpec | None, until: float) -> Vectors | Lack:
        if spec is not None and held.indexes and not any(_is_of(target, spec) for target, _ in held.indexes):
            return Lack(degraded="other_model")
        reserve = min(_RESERVE, question.milliseconds / 1000 * _SHARE)
        return self.model.vector(question.query, until - reserve)


@dataclass(frozen=True, kw_only=True)
class _Stages:
    milliseconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.milliseconds[stage] = round((time.perf_counter() - began) * 1000, 1)


def _hits(question: Question, held: Held, spec: ModelSpec | None, vector: Vectors | Lack) -> tuple[Found, ...]:
    near = None if isinstance(vector, Lack) or spec is None else vector
    looked = [(index, near if spec is not None and _is_of(target, spec) else None) for target, index in held.indexes]
    found = candidates(looked, question.query, question.filters)
    asked = frozenset(words(question.query))
    return _fitting([_shown(one, held, asked) for one in shipped().rank(found, question.limit)])


def _is_of(target: Target, spec: ModelSpec) -> bool:
    return target.collection == spec.collection


def _lack(vector: Vectors | Lack, held: Held, spec: ModelSpec | None) -> Lack | None:
    """Return what the answer is short of: what was not looked through at all comes first."""
    if not held.whole:
        return Lack(degraded="index_too_large")
    if isinstance(vector, Lack):
        return vector
    if spec is not None and not all(_is_of(target, spec) for target, _ in held.indexes):
        return Lack(degraded="other_model")
    return None


def _shown(one: Ranked, held: Held, asked: frozenset[str]) -> Found:
    target = next(target for target, index in held.indexes if index is one.index)
    place, piece = one.place, one.index.places[one.number]
    text, first = snippet(one.index.texts[one.number], piece.start, asked)
    return Found.model_validate(
        {
            "repository_id": target.repository_id,
            "path": plain(place.path),
            "language": place.language,
            "kind": place.kind,
            "symbol": place.symbol,
            "start": place.start,
            "end": place.end,
            "score": one.score,
            "snippet": text,
            "snippet_start": first,
        }
    )


def _fitting(hits: Sequence[Found]) -> tuple[Found, ...]:
    """Return as many of the best as an answer can carry."""
    left, kept = MAX_BODY - _AROUND, list[Found]()
    for hit in hits:
        left -= len(hit.model_dump_json().encode()) + 1
        if left < 0:
            break
        kept.append(hit)
    return tuple(kept)
