"""Repositories, and what was learned of their files."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from pharos.answers import MOST
from pharos.cli.options import AsJson, FilePath, KnownRepo, TokenFile, Url, find, plane, tidy
from pharos.cli.output import ago, put, put_json, put_table, say
from pharos.names import retold

if TYPE_CHECKING:
    from pathlib import Path

    from pharos.answers import Repository, Similar

Depth = Annotated[int, typer.Option(min=1, max=50, help="How many imports away at most.")]
Limit = Annotated[int, typer.Option(min=1, max=50, help="How many files at most.")]


def show_repositories(as_json: AsJson = False, url: Url = None, token_file: TokenFile = None) -> None:
    """List the indexed repositories."""
    with plane(url, token_file) as client:
        found = list(client.repositories())
    if as_json:
        put_json(found)
        return
    put_table(
        ("REPOSITORY", "COMMIT", "FILES", "EDGES", "INDEXED", "PASSAGES", "TEXT OF"), [_row(one) for one in found]
    )
    if not found:
        say("No repository is indexed. Index one: pharos submit REPO")


def similar(
    repository: KnownRepo,
    path: FilePath,
    *,
    limit: Limit = 10,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
) -> None:
    """Show the files most like one in the import graph."""
    with plane(url, token_file) as client:
        known = find(client, repository)
        found = client.similar(known["id"], tidy(path), limit=limit)
    if as_json:
        put_json(found)
        return
    put_table(("SCORE", "FILE"), [(f"{one['score']:.3f}", one["path"]) for one in found["similar"]])
    if not found["similar"]:
        say(f"Nothing is like {retold(path)}: {_why_unlike(found, known)}")


def dependents(
    repository: KnownRepo,
    path: FilePath,
    *,
    depth: Depth = 1,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
) -> None:
    """Show the files that import one, nearest first."""
    _reach("dependents", repository, path, depth=depth, as_json=as_json, url=url, token_file=token_file)


def dependencies(
    repository: KnownRepo,
    path: FilePath,
    *,
    depth: Depth = 1,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
) -> None:
    """Show the files that one imports, nearest first."""
    _reach("dependencies", repository, path, depth=depth, as_json=as_json, url=url, token_file=token_file)


def remove(repository: KnownRepo, as_json: AsJson = False, url: Url = None, token_file: TokenFile = None) -> None:
    """Remove a repository and all that was learned of it."""
    with plane(url, token_file) as client:
        found = find(client, repository)
        accepted = client.remove(found["id"])
    if as_json:
        put_json(accepted)
        return
    put(accepted["job_id"])
    say(f"{found['name']} is gone from every answer; that job takes its vectors.")


def _row(one: Repository) -> tuple[object, ...]:
    text = one["text"]
    commit, indexed_at = one["commit"], one["indexed_at"]
    return (
        one["name"],
        commit and commit[:12],
        one["files"],
        one["edges"],
        indexed_at and ago(indexed_at),
        text and text["passages"],
        text and f"{text['commit'][:12]}, {ago(text['indexed_at'])}",
    )


def _why_unlike(found: Similar, known: Repository) -> str:
    from shared.jobs.payloads import LeftOut

    if found.get("unlike") == "set_aside":
        words = [flag for flag in found["file"]["flags"] if flag in get_args(LeftOut)]
        again = "".join(f" --include {word}" for word in words)
        ref = f" --ref {known['ref']}" if known["ref"] else ""
        name = shlex.quote(retold(known["name"]).removeprefix("local:"))
        return f"{' and '.join(words)} code gets no vector unless it is asked for: pharos submit {name}{ref}{again}"
    if found.get("unlike") == "among_set_aside":
        return "all that it imports and is imported by is generated, minified or vendored, and gets no vector."
    return "it imports no file of this repository and none imports it."


def _reach(
    which: str,
    repository: str,
    path: str,
    *,
    depth: int,
    as_json: bool,
    url: str | None,
    token_file: Path | None,
) -> None:
    with plane(url, token_file) as client:
        found = client.reached(find(client, repository)["id"], tidy(path), which=which, depth=depth)
    if as_json:
        put_json(found)
        return
    rows = [(one["depth"], one["line"], " ".join(one["kinds"]) if one["kinds"] else None, one["path"]) for one in found]
    put_table(("STEPS", "LINE", "KINDS", "FILE"), rows)
    if len(found) == MOST:
        say(f"These are the nearest {MOST:,}; there may be more.")
    if not found:
        say(f"{retold(path)} has no {which} in this repository.")
