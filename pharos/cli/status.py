"""``pharos status``: how it all is, in a few lines."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from pharos.cli.exits import FAILED
from pharos.cli.options import AsJson, TokenFile, Url, plane
from pharos.cli.output import ago, in_colour, paint, put, put_json, put_table
from pharos.plans import figures, warnings

if TYPE_CHECKING:
    from pharos.answers import Health, Job, Part, Usage, Worker, WorkerStatus
    from pharos.client import PlaneClient

#: Seconds between two looks of --watch.
_EVERY = 2.0
_JOBS = 5


def status(
    watch: Annotated[bool, typer.Option("--watch", help="Look again every 2 s, until Ctrl-C.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
) -> None:
    """Show the control plane, the workers, the newest jobs, and what this month has taken of the free plans.

    Exit code 1: something is degraded or down; 5: the control plane does not answer.
    """
    with plane(url, token_file) as client:
        well = _show(client, as_json=as_json)
        while watch:
            time.sleep(_EVERY)
            if in_colour():
                print("\x1b[H\x1b[2J", end="")  # the cursor home, the screen empty (ECMA-48)
            well = _show(client, as_json=as_json)
    if not well:
        raise typer.Exit(FAILED)


def _show(client: PlaneClient, *, as_json: bool) -> bool:
    health, doing, workers = client.health(), client.worker_status(), client.workers()
    recent, usage = client.jobs(limit=_JOBS), client.usage()
    if as_json:
        seen = {"url": client.url, "health": health, "worker_status": doing, "workers": workers, "jobs": recent}
        put_json(seen | {"usage": usage})
    else:
        _print(client.url, health, doing, workers, recent)
        _print_plans(usage)
    return health["status"] == "ok"


def _print(url: str, health: Health, doing: WorkerStatus, workers: list[Worker], recent: list[Job]) -> None:
    parts = ", ".join(_part(name, part) for name, part in health["parts"].items() if part["state"] != "off")
    put(f"control plane  {paint(health['status'])}  {url}  ({parts})")
    progress = f", {doing['stage']} {doing['done']}/{doing['total']}" if doing["total"] else ""
    put(f"work           {doing['status']}{progress}")
    put()
    rows = [
        (one["node"], one["state"], one["capabilities"].get("gpu_name") or "cpu", f"{one['memory_mib']} MiB")
        for one in workers
    ]
    put_table(("WORKER", "STATE", "DEVICE", "MEMORY"), rows)
    put()
    put_table(("JOB", "KIND", "STATE", "REPOSITORY", "CREATED"), job_rows(recent))


def _part(name: str, part: Part) -> str:
    over = f" over {part['transport'].upper()}" if part["transport"] == "rest" else ""
    return f"{name} {part['state']}{over}"


def _print_plans(usage: Usage) -> None:
    put()
    put(f"this month     {figures(usage)}")
    searches = usage.get("searches")
    if searches and searches["answered"]:
        shares = [f"{searches[name] / searches['answered']:.0%} {name}" for name in ("cached", "degraded")]
        put(f"searches       {searches['answered']:,} since the start, {', '.join(shares)}")
    for warning in warnings(usage):
        put(f"{paint('WARN')}           {warning}")


def job_rows(jobs: list[Job]) -> list[tuple[object, ...]]:
    """Return jobs as rows of a table."""
    return [(one["id"], one["kind"], one["state"], one["repository"], ago(one["created_at"])) for one in jobs]
