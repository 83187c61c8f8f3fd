"""What is said: one answer out of several homes', of names, or of an older answer, with a sentence on what it lacks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from cloud_api.services.search.answers import Degraded, Found, Hit, Kept, Missing
from cloud_api.services.search.homes import Answers
from cloud_api.services.search.merging import merged
from cloud_api.services.search.pointers import Pointer
from shared.nodes.search import Degraded as WorkersReason

_LESS: dict[WorkersReason, str] = {
    "model_loading": "the model is loading, and words alone were compared",
    "model_missing": "the model is not on the machine, and words alone were compared: pharos models pull",
    "other_model": "the worker has another model than the index, and words alone were compared",
    "out_of_time": "the time was over before everything was compared",
    "index_too_large": "the index is too large for the worker's memory, and part of it was searched",
}


def joined(answers: Sequence[Answers], targets: tuple[Pointer, ...], *, limit: int) -> Found:
    """Return what homes answered as one."""
    timings: dict[str, float] = {}
    for one in answers:
        for stage, length in one.timings.items():
            timings[stage] = max(timings.get(stage, 0.0), length)
    return Found(
        hits=merged([one.hits for one in answers], limit=limit),
        source="worker",
        ranker=_all_of(one.ranker for one in answers),
        model=_all_of(one.model for one in answers),
        degraded=_why(answers),
        ready_in=max((one.ready_in for one in answers if one.ready_in is not None), default=None),
        missing=_missing(answers),
        notes=_notes(answers, instead="not searched"),
        searched=targets,
        timings=timings,
    )


def with_names(found: Found, answers: Sequence[Answers], names: Sequence[Hit], *, limit: int) -> Found:
    """Return an answer with names in place of what homes that are missing would have said."""
    lists = [*(one.hits for one in answers), names]
    return replace(found, hits=merged(lists, limit=limit), notes=_notes(answers, instead="names only"))


def names_alone(names: Sequence[Hit], answers: Sequence[Answers], targets: tuple[Pointer, ...], *, limit: int) -> Found:
    """Return names as an answer."""
    return Found(
        hits=tuple(names[:limit]),
        source="names",
        degraded=_why(answers),
        missing=_missing(answers),
        notes=_notes(answers, instead="names only"),
        searched=targets,
    )


def older(kept: Kept, answers: Sequence[Answers], targets: tuple[Pointer, ...]) -> Found:
    """Return an older answer as what it is."""
    return Found(
        hits=kept.hits,
        source="stale",
        ranker=kept.ranker,
        model=kept.model,
        degraded=_why(answers),
        missing=_missing(answers),
        notes=_notes(answers, instead="this is an answer from before"),
        searched=targets,
    )


def without_ledger(found: Found) -> Found:
    """Return an answer that may belong to an earlier index, since the ledger does not say which is the last."""
    note = "the ledger does not answer: what was indexed a moment ago may be missing"
    return replace(found, degraded=found.degraded or "ledger_unavailable", notes=(*found.notes, note))


def what_is_wrong(answers: Sequence[Answers]) -> str:
    """Return why nobody could search, as part of a sentence."""
    return "; ".join(one.text for one in _missing(answers))


def _why(answers: Sequence[Answers]) -> Degraded | None:
    reasons: list[Degraded] = [one.reason for one in _missing(answers)]
    reasons += [one.degraded for one in answers if one.degraded is not None]
    return reasons[0] if reasons else None


def _missing(answers: Sequence[Answers]) -> tuple[Missing, ...]:
    """Return what is missing, each home once, however many questions it was asked."""
    found: dict[str, Missing] = {}
    for one in answers:
        if one.missing is not None:
            before = found.get(one.missing.text)
            names = (*(before.repositories if before else ()), *one.missing.repositories)
            found[one.missing.text] = replace(one.missing, repositories=names)
    return tuple(found.values())


def _notes(answers: Sequence[Answers], *, instead: str) -> tuple[str, ...]:
    notes = [f"{one.text}: {instead}" for one in _missing(answers)]
    for one in answers:
        if one.degraded is not None:
            soon = f" (ready in about {math.ceil(one.ready_in)} s)" if one.ready_in is not None else ""
            notes.append(f"{one.home.node or 'a worker'}: {_LESS[one.degraded]}{soon}")
    return tuple(dict.fromkeys(notes))


def _all_of(words: Iterable[str | None]) -> str | None:
    """Return the word that all have, or each that one has."""
    return ", ".join(sorted({word for word in words if word is not None})) or None
