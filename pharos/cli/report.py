"""What a demo found, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pharos.answers import MOST
from pharos.cli.output import mebibytes

if TYPE_CHECKING:
    from pharos.answers import Accepted
    from pharos.demo import Neighbourhood, Report

_DEPENDENTS = 5


def accepted_line(accepted: Accepted) -> str:
    """Return what became of the submission."""
    return f"\nPOST /api/v1/ingestion/ingest   202, {accepted['job_id']}, place {accepted['position']} in the queue"


def report_lines(report: Report) -> list[str]:
    """Return the report for people."""
    return [
        "",
        "The job's record",
        *_record(report),
        "",
        *_neighbourhood(report.neighbourhood),
        "",
        f"Everything was stopped again. In all {report.seconds:.1f} s.",
    ]


def report_json(report: Report) -> dict[str, object]:
    """Return the report for scripts."""
    found = report.neighbourhood
    return {
        "job": report.job,
        "memory_bytes": report.memory,
        "seconds": round(report.seconds, 3),
        "file": None
        if found is None
        else {"path": found.path, "similar": found.similar, "dependents": found.dependents},
    }


def _record(report: Report) -> list[str]:
    record, job = report.record, report.job
    seconds = ", ".join(f"{name} {taken:.2f}" for name, taken in record["seconds"].items())
    memory = ", ".join(f"{name} {mebibytes(size)}" for name, size in report.memory.items())
    training = record["training"]
    return [
        f"  repository   {job['repository']}",
        f"  commit       {record['commit']}",
        f"  files        {record['files']:,} ({record['parsed']:,} parsed, {record['partial']:,} in part, "
        f"{record['failed']:,} failed, {record['skipped']:,} not read)",
        f"  edges        {record['edges']:,} imports between files; {record['external']:,} imports lead outside, "
        f"{record['isolated']:,} files stand alone",
        f"  training     {training['walks']:,} walks, {training['walks_per_second']:,.0f} a second on "
        f"{training['device']}",
        f"  seconds      {job['seconds'] or 0:.2f}: {seconds}",
        f"  peak memory  {memory}",
    ]


def _neighbourhood(found: Neighbourhood | None) -> list[str]:
    if found is None:
        return ["No file of this repository imports another, so nothing is like anything."]
    near = [one for one in found.dependents if one["depth"] == 1]
    shown = found.dependents[:_DEPENDENTS]
    more = len(found.dependents) - len(shown)
    return [
        f"Most like {found.path}, by its place in the import graph",
        *(f"  {one['score']:.3f}  {one['path']}" for one in found.similar),
        "",
        f"What depends on it: {_count(len(near))} directly, {_count(len(found.dependents))} within three steps",
        *(f"  {one['depth']}  {one['path']}" for one in shown),
        *([f"  … and {_count(more, len(found.dependents))} more"] if more else []),
    ]


def _count(number: int, of: int | None = None) -> str:
    """Return a number; as a lower bound where an answer is cut off."""
    cut = (number if of is None else of) >= MOST
    return f"at least {number:,}" if cut else f"{number:,}"
