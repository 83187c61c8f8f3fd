"""What a change touches: tests to run, files to look at, and imports that it breaks."""

from __future__ import annotations

import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pharos.cli.exits import FAILED
from pharos.cli.options import AsJson, TokenFile, Url, find, plane
from pharos.cli.output import put, put_json, put_path, put_table, say
from pharos.names import retold

if TYPE_CHECKING:
    from pharos.answers import Repository
    from pharos.checkout import Checkout
    from pharos.client import PlaneClient
    from pharos.graph_answers import Impact
    from shared.changes import Change

Changed = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[BASE..HEAD | BASE | PATH...]",
        help="A range or a commit as git diff reads it, or changed files or folders; else what is not committed yet.",
    ),
]
Of = Annotated[
    str | None,
    typer.Option("--repository", "-r", metavar="REPO", help="The indexed repository; else the checkout's origin."),
]
Depth = Annotated[int, typer.Option(min=1, max=10, help="How many imports away at most.")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="How many files at most.")]
TestsOnly = Annotated[bool, typer.Option("--tests", help="Put out the paths of tests alone, for a test runner.")]
Check = Annotated[bool, typer.Option("--check", help="Exit with 1 when an import breaks.")]

_COMMITS = re.compile(r"([0-9a-f]{40})\.\.([0-9a-f]{40})")
#: Two dots that are no step to the folder above.
_RANGE = re.compile(r"(?<!^)(?<!/)\.\.|\.\.(?!/|$)")


def impact(
    changed: Changed = None,
    *,
    repository: Of = None,
    depth: Depth = 3,
    limit: Limit = 50,
    tests: TestsOnly = False,
    check: Check = False,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
) -> None:
    """Show what a change of this checkout touches: tests first, and the imports that it breaks."""
    from pharos.checkout import Checkout

    bounds: dict[str, object] = {"depth": depth, "limit": limit}
    own = list[str]()
    commits = _COMMITS.fullmatch(" ".join(changed or []))
    if commits and repository is not None:
        # Whole hashes of a repository that is named need no checkout: a worker compares them.
        with plane(url, token_file) as client:
            found = client.impact(find(client, repository)["id"], {"base": commits[1], "head": commits[2], **bounds})
    else:
        with Checkout(Path.cwd()) as checkout:
            changes, places = _changes(checkout, changed or []), _places(checkout)
        if not changes:
            say("Nothing changed.")
            return
        own = _own_tests(changes)
        with plane(url, token_file) as client:
            known = _repository(client, repository, places)
            found = client.impact(known["id"], {"changes": [_as_asked(one) for one in changes], **bounds})
    if as_json:
        put_json(found)
    elif tests:
        for path in [*own, *(one["path"] for one in found["affected"] if one["test"])]:
            put_path(path)
    else:
        _tell(found)
    if check and found["breaking"]:
        raise typer.Exit(FAILED)


def _changes(checkout: Checkout, changed: list[str]) -> list[Change]:
    if not changed:
        return checkout.uncommitted()
    if len(changed) == 1 and not os.path.lexists(changed[0]):
        if checkout.has_commit(changed[0]):
            return checkout.since(changed[0])
        if _RANGE.search(changed[0]):
            return checkout.between(changed[0])
    return checkout.named(changed)


def _own_tests(changes: list[Change]) -> list[str]:
    """Return the tests that the change itself makes or alters; the answer names others alone."""
    from edge_worker.source.languages.registry import language_of
    from shared.paths import is_test

    there = [change.path for change in changes if change.status != "removed"]
    return [path for path in there if is_test(path) and language_of(path) is not None]


def _as_asked(change: Change) -> dict[str, str]:
    return {name: value for name, value in asdict(change).items() if value is not None}


def _places(checkout: Checkout) -> list[str]:
    # Indexed as a folder of this machine, which is more than its origin may be.
    origin = checkout.origin()
    return [str(checkout.root), *([origin] if origin is not None else [])]


def _repository(client: PlaneClient, named: str | None, places: list[str]) -> Repository:
    from shared.errors import NotFound

    *others, last = [named] if named is not None else places
    for place in others:
        try:
            return find(client, place)
        except NotFound:
            continue
    return find(client, last)


def _tell(found: Impact) -> None:
    for broken in found["breaking"]:
        where = f" (now {retold(broken['now'])})" if broken["now"] else ""
        put(f"BREAKS  {retold(broken['path'])} is {broken['status']}{where}, and is still imported by")
        for one in broken["importers"]:
            put(f"        {retold(one['source'])}:{one['line']}")
        if (left := broken["importer_count"] - len(broken["importers"])) > 0:
            put(f"        and {left} more")
    for title, wanted in (("TEST", True), ("FILE", False)):
        rows = [
            (one["distance"], retold(one["path"]), retold("; ".join(one["reasons"][:2])))
            for one in found["affected"]
            if one["test"] is wanted
        ]
        put_table(("STEPS", title, "WHY"), rows)
    if not found["affected"]:
        say("Nothing else is touched, as far as the graph tells.")
    if found["truncated"]:
        say("So much may be touched that some of it was not judged; a higher --limit judges more.")
    if found["unknown"]:
        unknown = ", ".join(map(retold, found["unknown"][:5]))
        more = f" and {len(found['unknown']) - 5} more" if len(found["unknown"]) > 5 else ""
        say(f"Not in the graph of {found['commit'][:12]}: {unknown}{more}.")
