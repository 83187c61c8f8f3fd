"""``pharos search``: where something is, in lines for an editor, a pipe and a person."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pharos.cli.options import AsJson, TokenFile, Url, plane, tidy
from pharos.cli.output import put, put_json, put_path, say
from pharos.names import as_argument, retold

if TYPE_CHECKING:
    from pharos.search_answers import Hit, Search

Words = Annotated[list[str], typer.Argument(metavar="QUESTION", help="A sentence, words, or names.")]
Repos = Annotated[
    list[str] | None,
    typer.Option("--repo", metavar="REPO", help="Search this one, and each that is given so; else all with text."),
]
Prefix = Annotated[str, typer.Option("--path", metavar="PREFIX", help="What the path begins with.")]
Languages = Annotated[list[str] | None, typer.Option("--lang", metavar="NAME", help="In this language.")]


class Kind(StrEnum):
    """As in ``shared.nodes.search``: an option that is given several times must be an enumeration."""

    FUNCTION = "function"
    METHOD = "method"
    CLASS = "class"
    MODULE = "module"
    SECTION = "section"
    LINES = "lines"


Kinds = Annotated[list[Kind] | None, typer.Option("--kind", help="Of this kind.")]
Limit = Annotated[int, typer.Option(min=1, max=50, help="How many at most.")]
Files = Annotated[bool, typer.Option("--files", help="Put out files alone, each once.")]


def search(
    question: Words,
    *,
    repo: Repos = None,
    path: Prefix = "",
    lang: Languages = None,
    kind: Kinds = None,
    limit: Limit = 10,
    files: Files = False,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
) -> None:
    """Search the text of indexed repositories: path:line and symbol, best first.

    With several repositories each line begins with the repository's name. Text is indexed by
    'pharos submit REPO --content both'.
    """
    from pharos.address import name_of

    asked: dict[str, object] = {
        "query": " ".join(question),
        "repositories": [name_of(one) for one in repo or ()],
        "path": tidy(path),
        "languages": lang or [],
        "kinds": kind or [],
        "limit": limit,
        "group": "file" if files else "none",
    }
    with plane(url, token_file) as client:
        found = client.search(asked)
    _tell(found)
    if as_json:
        put_json(found)
        return
    several = found["repositories"] > 1
    for number, hit in enumerate(found["hits"]):
        _put(hit, several=several, files=files, first=not number)
    if not found["hits"]:
        say("Nothing was found.")


def _tell(found: Search) -> None:
    """Say on one line what the answer lacks."""
    if found["notes"]:
        say(f"pharos: {'; '.join(map(retold, found['notes']))}.")


def _put(hit: Hit, *, several: bool, files: bool, first: bool) -> None:
    name = f"{retold(hit['repository'])}:{retold(hit['path'])}" if several else as_argument(hit["path"])
    if files:
        put(name) if several else put_path(hit["path"])
        return
    shows = _on_terminal()
    if shows and not first:
        put()
    # What its name alone found has no line; editors and pipes want one.
    put(f"{name}:{hit['start'] or 1}: {retold(hit['symbol']) or hit['kind']}")
    if shows and hit["snippet"]:
        for number, line in enumerate(hit["snippet"].split("\n"), start=hit["snippet_start"]):
            put(f"  {number:>5}  {line.expandtabs(4)}")


def _on_terminal() -> bool:
    return sys.stdout.isatty()
