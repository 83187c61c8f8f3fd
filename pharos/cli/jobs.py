"""``pharos jobs``: what was asked, and how it ended."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from pharos.cli.options import AsJson, TokenFile, Url, plane
from pharos.cli.output import put, put_json, put_table, say
from pharos.cli.status import job_rows
from shared.jobs.kinds import Kind
from shared.jobs.states import State

group = typer.Typer(help="List, show and cancel jobs.", rich_markup_mode=None)

JobId = Annotated[str, typer.Argument(metavar="JOB", help="A job's id.")]


@group.callback(invoke_without_command=True)
def list_jobs(
    context: typer.Context,
    *,
    state: Annotated[State | None, typer.Option(help="Only jobs in this state.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only jobs of this kind.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 20,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
) -> None:
    """List jobs, newest first."""
    if context.invoked_subcommand is not None:
        return
    with plane(url, token_file) as client:
        found = client.jobs(state=state, kind=kind, limit=limit)
    if as_json:
        put_json(found)
        return
    put_table(("JOB", "KIND", "STATE", "REPOSITORY", "CREATED"), job_rows(found))
    if not found:
        say("No such job. Submit one: pharos submit REPO")


@group.command("show")
def show_job(job: JobId, as_json: AsJson = False, url: Url = None, token_file: TokenFile = None) -> None:
    """Show one job: its place, its stage, or how it ended."""
    with plane(url, token_file) as client:
        found = client.job(job)
    if as_json:
        put_json(found)
        return
    members: dict[str, object] = {**found, **(found["result"] or {}), "result": None}
    for key, value in members.items():
        if value not in (None, {}, []):
            put(f"{key:<18} {value if isinstance(value, str) else json.dumps(value)}")


@group.command("cancel")
def cancel_job(job: JobId, as_json: AsJson = False, url: Url = None, token_file: TokenFile = None) -> None:
    """Cancel a job: a waiting one ends at once, a running one at its next step."""
    with plane(url, token_file) as client:
        found = client.cancel(job)
    if as_json:
        put_json(found)
        return
    put(f"{found['id']} {'cancelling' if found['state'] == 'running' else found['state']}")
