"""``pharos jobs``: what was asked, why it waits, and how it ended."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from pharos.cli.options import AsJson, TokenFile, Url, plane
from pharos.cli.output import put, put_json, put_table, say
from pharos.cli.reasons import help_line, say_accepted, why
from pharos.cli.status import job_rows
from shared.jobs.kinds import Kind
from shared.jobs.states import State

if TYPE_CHECKING:
    from pharos.answers import Job

group = typer.Typer(help="List, show, cancel and retry jobs.", rich_markup_mode=None)

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
    rows = [(*row, why(job)) for row, job in zip(job_rows(found), found, strict=True)]
    put_table(("JOB", "KIND", "STATE", "REPOSITORY", "CREATED", "WHY"), rows)
    if not found:
        say("No such job. Submit one: pharos submit REPO")


@group.command("show")
def show_job(job: JobId, as_json: AsJson = False, url: Url = None, token_file: TokenFile = None) -> None:
    """Show one job: why it waits and what would help, its stage, or how it ended."""
    with plane(url, token_file) as client:
        found = client.job(job)
    if as_json:
        put_json(found)
        return
    members: dict[str, object] = {**found, **_waiting(found), **(found["result"] or {}), "result": None}
    for key, value in members.items():
        if value not in (None, {}, [], ""):
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


@group.command("retry")
def retry_job(job: JobId, as_json: AsJson = False, url: Url = None, token_file: TokenFile = None) -> None:
    """Run an ended job again, as a new one."""
    with plane(url, token_file) as client:
        accepted = client.retry(job)
    if as_json:
        put_json(accepted)
        return
    put(accepted["job_id"])
    say_accepted(accepted)


def _waiting(job: Job) -> dict[str, object]:
    waiting = job["waiting"]
    if waiting is None:
        return {}
    return {
        "waiting": waiting["text"],
        "waiting_code": waiting["code"],
        "capable": ", ".join(waiting["capable"]),
        "eta_seconds": None if waiting["eta_seconds"] is None else round(waiting["eta_seconds"]),
        "what_helps": help_line(waiting),
    }
