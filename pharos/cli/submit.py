"""``pharos submit``: index a repository."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pharos.cli.exits import FAILED, INTERRUPTED
from pharos.cli.options import AsJson, Repo, TokenFile, Url, plane
from pharos.cli.output import put, put_json, say
from pharos.cli.reasons import place, say_accepted

if TYPE_CHECKING:
    from pharos.answers import Accepted, Job
    from pharos.client import PlaneClient

#: Seconds between two looks at a job that is waited for.
_EVERY = 1.0


class Preset(str, Enum):  # noqa: UP042
    """How much Node2Vec walks, and whether it smooths."""

    pure = "pure"
    balanced = "balanced"
    fast = "fast"


class Method(str, Enum):  # noqa: UP042
    """What makes vectors of the graph."""

    node2vec = "node2vec"
    prone = "prone"


class Content(str, Enum):  # noqa: UP042
    """What an index is made of."""

    structure = "structure"
    text = "text"
    both = "both"


class LeftOut(str, Enum):  # noqa: UP042
    """Code that gets vectors only when it is asked for."""

    generated = "generated"
    minified = "minified"
    vendored = "vendored"


class Urgency(str, Enum):  # noqa: UP042  # typer shows the values of a plain str enum
    """How urgent a job is."""

    urgent = "urgent"
    high = "high"
    normal = "normal"
    low = "low"


def submit(
    repository: Repo,
    *,
    ref: Annotated[str | None, typer.Option(help="Branch, tag or commit; else the default branch.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, max=100, help="Passes of Node2Vec over its walks.")] = None,
    preset: Annotated[Preset | None, typer.Option(help="How much Node2Vec walks, and whether it smooths.")] = None,
    method: Annotated[Method | None, typer.Option(help="What makes vectors of the graph.")] = None,
    include: Annotated[list[LeftOut] | None, typer.Option(help="Vectors for such code, too; more than once.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Index again even when this commit is there.")] = False,
    content: Annotated[Content | None, typer.Option(help="The import graph, the text for search, or both.")] = None,
    priority: Annotated[Urgency, typer.Option(help="How urgent it is.")] = Urgency.normal,
    gpu: Annotated[bool, typer.Option("--gpu", help="Only on a worker with a GPU.")] = False,
    gpu_memory: Annotated[int | None, typer.Option(min=1, max=1024, help="GiB that its GPU must have.")] = None,
    memory: Annotated[int | None, typer.Option(min=1, max=4096, help="GiB of memory that it must have.")] = None,
    model: Annotated[str | None, typer.Option(help="A model that it must offer.")] = None,
    node: Annotated[str | None, typer.Option(help="Only on this node.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until it has ended.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
) -> None:
    """Index a repository, or one commit of it."""
    from pharos.address import address_of

    needs = {"gpu": gpu, "gpu_memory": gpu_memory, "memory": memory, "model": model, "node": node}
    body: dict[str, object] = {
        "url": address_of(repository),
        "ref": ref,
        "force": force,
        "priority": priority.value,
        "needs": {name: value for name, value in needs.items() if value is not None},
    }
    shape = {"epochs": epochs, "preset": preset, "method": method, "include": include, "content": content}
    # What is not said is for the plane to choose.
    body |= {name: value for name, value in shape.items() if value}
    with plane(url, token_file) as client:
        accepted = client.submit(body)
        if not wait:
            _show_accepted(accepted, as_json=as_json)
            return
        say(f"{accepted['repository']}: {accepted['job_id']}{place(accepted)}")
        job = wait_for(client, accepted["job_id"])
    _show_ended(job, as_json=as_json)
    if job["state"] != "succeeded":
        raise typer.Exit(FAILED)


def wait_for(client: PlaneClient, job_id: str) -> Job:
    """Return a job once it has ended; a Ctrl-C leaves it as it is and says so."""
    from pharos.cli.progress import job_progress
    from pharos.follow import follow

    try:
        with job_progress() as show:
            return follow(client, job_id, show=show, every=_EVERY)
    except KeyboardInterrupt:
        say(f"The job goes on without you. Look: pharos jobs show {job_id}   Stop it: pharos jobs cancel {job_id}")
        raise typer.Exit(INTERRUPTED) from None


def _show_accepted(accepted: Accepted, *, as_json: bool) -> None:
    if as_json:
        put_json(accepted)
        return
    put(accepted["job_id"])
    say_accepted(accepted)


def _show_ended(job: Job, *, as_json: bool) -> None:
    if as_json:
        put_json(job)
        return
    result = job["result"] or {}
    if job["state"] != "succeeded":
        put(f"{job['id']} {job['state']}: {job['detail'] or job['reason']}")
        return
    put(f"{job['id']} {job['state']}: {result.get('note') or _figures(result, job['seconds'] or 0.0)}")


def _figures(result: dict[str, Any], seconds: float) -> str:
    said = []
    if "edges" in result:
        said += [f"{result['files']:,} files", f"{result['edges']:,} edges"]
    if "text" in result:
        said.append(f"{result['text'].get('passages', 0):,} passages")
    return ", ".join((*said, f"{seconds:.1f} s"))
