"""``pharos workers``: who is there and doing what, and who is to pause."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from pharos.cli.options import AsJson, TokenFile, Url, plane
from pharos.cli.output import put, put_json, put_table, say, span
from pharos.names import retold

if TYPE_CHECKING:
    from pathlib import Path

    from pharos.answers import DutyAnswer, Worker
    from pharos.client import PlaneClient

group = typer.Typer(help="List and show workers; have them pause, drain, or go on.", rich_markup_mode=None)

Node = Annotated[str, typer.Argument(metavar="NODE", help="A node's name, or a worker's id.")]
Length = Annotated[
    str | None, typer.Option("--for", metavar="TIME", help="90s, 15m, 1h, 2d; else until it is resumed.")
]
NoteText = Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Why; shown to everybody who looks.")]

Patience = Annotated[float, typer.Option("--wait", min=0, max=600, help="Seconds to wait until it has followed.")]

#: Seconds between two looks at a worker that is to follow.
_EVERY = 0.25
_DONE = {"paused": "paused", "draining": "draining", "open": "resumed"}


@group.callback(invoke_without_command=True)
def list_workers(
    context: typer.Context, *, as_json: AsJson = False, url: Url = None, token_file: TokenFile = None
) -> None:
    """List the workers that were heard in the last day."""
    if context.invoked_subcommand is not None:
        return
    with plane(url, token_file) as client:
        found = client.workers()
    if as_json:
        put_json(found)
        return
    rows = [(one["node"], one["state"], span(one["since"]), _doing(one), _ways(one), _power(one)) for one in found]
    put_table(("NODE", "STATE", "SINCE", "DOING", "LINE", "POWER"), rows)
    if not found:
        say("No worker was heard in the last day. On the machine that is to work, run: pharos worker")


@group.command("show")
def show_worker(node: Node, as_json: AsJson = False, url: Url = None, token_file: TokenFile = None) -> None:
    """Show one worker: what it can do, what it does, and which waiting jobs it could take."""
    with plane(url, token_file) as client:
        found = client.worker(node)
    if as_json:
        put_json(found)
        return
    could_take = [f"{one['id']} {one['kind']} {one['repository']}" for one in found["could_take"]]
    members: dict[str, object] = {**found, "could_take": could_take}
    for key, value in members.items():
        if value not in (None, {}, []):
            put(f"{key:<18} {value if isinstance(value, str) else json.dumps(value)}")


@group.command("pause")
def pause_worker(
    node: Node,
    length: Length = None,
    note: NoteText = None,
    wait: Patience = 5.0,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
) -> None:
    """Have a worker take no jobs and give back what it runs; nothing of it is counted as a failure."""
    body = {"note": note, "seconds": _seconds(length)}
    _order(node, "pause", body, wait=wait, as_json=as_json, url=url, token_file=token_file)


@group.command("drain")
def drain_worker(
    node: Node,
    length: Length = None,
    note: NoteText = None,
    wait: Patience = 5.0,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
) -> None:
    """Have a worker take no further jobs and end what it runs."""
    body = {"note": note, "seconds": _seconds(length)}
    _order(node, "drain", body, wait=wait, as_json=as_json, url=url, token_file=token_file)


@group.command("resume")
def resume_worker(
    node: Node,
    note: NoteText = None,
    wait: Patience = 5.0,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
) -> None:
    """Have a worker take jobs again."""
    _order(node, "resume", {"note": note}, wait=wait, as_json=as_json, url=url, token_file=token_file)


def _order(
    node: str,
    verb: str,
    body: Mapping[str, object],
    *,
    wait: float,
    as_json: bool,
    url: str | None,
    token_file: Path | None,
) -> None:
    with plane(url, token_file) as client:
        answer = client.order(node, verb, body)
        followed = _wait(client, answer, wait)
    if as_json:
        put_json({**answer, "followed": followed})
        return
    if followed:
        put(f"{node} {_DONE[answer['order']['state']]}")
        return
    put(f"{node} told")
    say(answer["message"])
    if answer["workers"]:
        say(f"It has not followed yet. Look: pharos workers show {retold(node)}")


def _wait(client: PlaneClient, answer: DutyAnswer, patience: float) -> bool:
    """Return whether everybody who is there followed, as soon as that is so or patience is over."""
    if not answer["workers"]:
        return False
    deadline = time.monotonic() + patience
    while True:
        shown = {one["worker"]: one["duty"]["order"] for one in client.workers()}
        if all(shown.get(worker) == answer["order"]["id"] for worker in answer["workers"]):
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(_EVERY)


def _seconds(length: str | None) -> float | None:
    if length is None:
        return None
    from pydantic import TypeAdapter, ValidationError

    from shared.settings import Span

    try:
        return TypeAdapter(Span).validate_python(length).total_seconds()
    except ValidationError:
        raise typer.BadParameter(
            "a time is a number and a unit, such as 90s, 15m, 1h or 2d", param_hint="--for"
        ) from None


def _doing(one: Worker) -> str:
    return "; ".join(_parts(one)) or "-"


def _parts(one: Worker) -> Iterator[str]:
    duty = one["duty"]
    if one["why"] is not None:
        yield one["why"]
    elif duty["state"] != "open":
        left = "until resumed" if duty["seconds_left"] is None else f"{span(duty['seconds_left'])} left"
        yield f"{left}: {duty['note']}" if duty["note"] else left
    if one["wanted"] is not None:
        yield f"told: {one['wanted']['state']}"
    for report in one["attempts"]:
        progress = f" {report['done']}/{report['total']}" if report["total"] else ""
        yield f"{report['repository']} {report['stage']}{progress}"


def _ways(one: Worker) -> str:
    return f"{one['line']}, {one['transport'] or 'no redis'}"


def _power(one: Worker) -> str | None:
    charge = "" if one["battery"] is None else f" {one['battery']:.0%}"
    return None if one["power"] is None else f"{one['power']}{charge}"
