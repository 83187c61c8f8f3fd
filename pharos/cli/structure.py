"""How a repository's graph is built: paths, cycles, orphans, what most rests on, communities, what is unresolved."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pharos.cli.options import AsJson, FilePath, KnownRepo, TokenFile, Url, find, plane, tidy
from pharos.cli.output import put, put_json, put_path, put_table, say
from pharos.names import retold

if TYPE_CHECKING:
    from pharos.answers import File
    from pharos.graph_answers import Cycle, Import, Unresolved

OtherPath = Annotated[str, typer.Argument(metavar="OTHER", help="The file that it depends on.")]
Limit = Annotated[int, typer.Option(min=1, max=5000, help="How many at most.")]
Number = Annotated[int | None, typer.Option("--files", metavar="NUMBER", min=0, help="Show the files of this one.")]
By = Annotated[Literal["rank", "importers"], typer.Option(help="PageRank along imports, or the number of importers.")]
Ways = Annotated[int, typer.Option(min=1, max=20, help="How many paths at most.")]


def why(
    repository: KnownRepo,
    path: FilePath,
    other: OtherPath,
    *,
    limit: Ways = 3,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
) -> None:
    """Show why a file depends on another: the shortest import paths; of one file twice, a cycle that it is in."""
    with plane(url, token_file) as client:
        found = client.paths(find(client, repository)["id"], tidy(path), tidy(other), limit=limit)
    if as_json:
        put_json(found)
        return
    for number, way in enumerate(found):
        if number:
            put()
        put(retold(way["steps"][0]["source"]))
        for step in way["steps"]:
            put(f"  line {step['line']}: imports {retold(step['target'])}{_how(step)}")
    if not found and tidy(path) == tidy(other):
        say(f"That is the same file twice, and {retold(path)} is in no import cycle.")
    elif not found:
        say(f"{retold(path)} does not depend on {retold(other)}: no path of imports leads there.")


def cycles(
    repository: KnownRepo, *, limit: Limit = 10, as_json: AsJson = False, url: Url = None, token_file: TokenFile = None
) -> None:
    """Show import cycles, the largest first, and which imports to give up."""
    with plane(url, token_file) as client:
        found: list[Cycle] = list(islice(client.listed(find(client, repository)["id"], "cycles", page=20), limit))
    if as_json:
        put_json(found)
        return
    for one in found:
        least = "no fewer will do" if one["at_least"] == one["cut_size"] else f"at least {one['at_least']} are needed"
        put(
            f"{one['size']} files import each other in circles. Without {one['cut_size']} imports they do not; {least}:"
        )
        for edge in one["cut"]:
            put(f"  {retold(edge['source'])}:{edge['line']} imports {retold(edge['target'])}{_how(edge)}")
    if not found:
        say("There is no import cycle.")


def orphans(
    repository: KnownRepo, *, limit: Limit = 200, as_json: AsJson = False, url: Url = None, token_file: TokenFile = None
) -> None:
    """Show files that nothing imports, and nothing else seems to start."""
    with plane(url, token_file) as client:
        found: list[File] = list(islice(client.listed(find(client, repository)["id"], "orphans"), limit))
    if as_json:
        put_json(found)
        return
    for one in found:
        put_path(one["path"])
    if not found:
        say("Every file is imported, or looks as if something else starts it.")


def central(
    repository: KnownRepo,
    *,
    by: By = "rank",
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many files at most.")] = 20,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
) -> None:
    """Show the files on which most rests."""
    with plane(url, token_file) as client:
        found = client.central(find(client, repository)["id"], by=by, limit=limit)
    if as_json:
        put_json(found)
        return
    rows = [(f"{one['rank']:.1f}", one["importers"], one["imports"], retold(one["path"])) for one in found]
    put_table(("RANK", "IMPORTERS", "IMPORTS", "FILE"), rows)


def communities(
    repository: KnownRepo,
    *,
    files: Number = None,
    limit: Limit = 50,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
) -> None:
    """Show which files belong together by their imports."""
    what = "communities" if files is None else f"communities/{files}/files"
    with plane(url, token_file) as client:
        found = list(islice(client.listed(find(client, repository)["id"], what), limit))
    if as_json:
        put_json(found)
        return
    if files is not None:
        for one in found:
            put_path(one["path"])
        return
    rows = [
        (one["number"], one["size"], one["inside"], one["across"], ", ".join(map(retold, one["leaders"][:3])))
        for one in found
    ]
    put_table(("NUMBER", "FILES", "INSIDE", "ACROSS", "LED BY"), rows)


def unresolved(
    repository: KnownRepo, *, limit: Limit = 200, as_json: AsJson = False, url: Url = None, token_file: TokenFile = None
) -> None:
    """Show local imports that were not understood."""
    with plane(url, token_file) as client:
        found: list[Unresolved] = list(islice(client.listed(find(client, repository)["id"], "unresolved"), limit))
    if as_json:
        put_json(found)
        return
    for one in found:
        put(f"{retold(one['path'])}:{one['line']}: {retold(one['module'])}")
    if not found:
        say("Every local import was understood.")


def _how(edge: Import) -> str:
    words = [kind for kind in edge["kinds"] if kind != "runtime"]
    if edge["confidence"] < 1:
        words.append(f"{edge['confidence']:.0%} sure")
    return f" ({', '.join(words)})" if words else ""
