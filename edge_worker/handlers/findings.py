"""Findings: everything that a run learned, as it is published and as the job's record tells it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from edge_worker.compute.neighbours import Nearest
from edge_worker.handlers.base import Outcome
from edge_worker.handlers.embedding import Embedded
from edge_worker.handlers.reading import Structure
from edge_worker.handlers.stopwatch import Stopwatch
from edge_worker.structure.analysis import analyse
from edge_worker.structure.unresolved import unresolved_rows
from shared.knowledge import FileRow, Knowledge
from shared.text import plain


def findings(
    structure: Structure, embedded: Embedded, similar: tuple[Nearest, ...], *, written: int, watch: Stopwatch
) -> Outcome:
    """Return the outcome of a run that wrote ``written`` vectors."""
    rows = _rows(structure, embedded, similar)
    with watch.stage("analyse"):
        analysis = analyse(rows, structure.graph.edges)
    members = len(embedded.members.numbers)
    stats: dict[str, Any] = {
        **asdict(structure.graph.stats),
        "left_out": {why: count for why, count in structure.skipped.items() if why != "other_language"},
        "unreadable": [plain(path) for path in structure.graph.unreadable[:20]],
        "remembered": structure.remembered,
        "isolated": sum(row.isolated for row in rows),
        "vectors": {
            "way": embedded.way,
            "written": written,
            "kept": members - written,
            "set_aside": len(rows) - members,
        },
        "training": embedded.stats,
        "structure": analysis.figures(),
        "seconds": watch.seconds,
    }
    knowledge = Knowledge(
        commit=structure.commit,
        files=rows,
        edges=structure.graph.edges,
        stats=stats,
        unresolved=unresolved_rows(structure.graph),
        analysis=analysis,
    )
    summary = {"commit": structure.commit, "files": len(rows), "edges": len(knowledge.edges), **stats}
    return Outcome(summary=summary, knowledge=knowledge)


def _rows(structure: Structure, embedded: Embedded, similar: tuple[Nearest, ...]) -> tuple[FileRow, ...]:
    places = {number: place for place, number in enumerate(embedded.members.numbers)}
    return tuple(
        FileRow(
            number=number,
            path=file.path,
            language=file.language,
            size=file.size,
            blob=file.oid,
            status=structure.statuses[number],
            isolated=_isolated(structure, embedded, number, places.get(number)),
            similar=similar[places[number]] if number in places else (),
            flags=tuple(sorted(file.flags)),
        )
        for number, file in enumerate(structure.files)
    )


def _isolated(structure: Structure, embedded: Embedded, number: int, place: int | None) -> bool:
    """Of a file with a vector, whether that says nothing; of one set aside, whether no import touches it."""
    return number in structure.graph.isolated if place is None else bool(embedded.isolated[place])
