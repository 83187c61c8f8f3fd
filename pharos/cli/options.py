"""Options that many commands share, and the way from them to the control plane."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pharos.cli.output import say

if TYPE_CHECKING:
    from pharos.answers import Repository
    from pharos.client import PlaneClient

Url = Annotated[
    str | None,
    typer.Option(
        "--url", metavar="URL", help="The control plane; else PHAROS_CONTROL_URL, else the stack running here."
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file", metavar="FILE", help="Holds the token ('-': standard input); else PHAROS_ADMIN_TOKEN."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Put data out as JSON.")]
Repo = Annotated[str, typer.Argument(metavar="REPO", help="owner/name, host/owner/name, an https:// URL, or a folder.")]
KnownRepo = Annotated[str, typer.Argument(metavar="REPO", help="An indexed repository: its name, owner/name, or id.")]
FilePath = Annotated[str, typer.Argument(metavar="PATH", help="A file as git names it, from the repository's root.")]
Folder = Annotated[
    Path | None,
    typer.Option("--folder", metavar="FOLDER", help="Where the stack keeps its data; else PHAROS_FOLDER."),
]


def find(client: PlaneClient, text: str) -> Repository:
    """Return the indexed repository that ``text`` means; raises as ``find_repository`` does."""
    from pharos.address import find_repository

    if text.startswith("repo_"):
        return client.repository(text)
    return find_repository(text, client.repositories())


def tidy(path: str) -> str:
    """Return a path as git names it."""
    return path.removeprefix("./")


def plane(url: str | None, token_file: Path | None) -> PlaneClient:
    """Return a connection to the control plane that a command talks to."""
    from pharos.client import PlaneClient
    from pharos.target import find_target

    place = find_target(os.environ, url=url, token_file=token_file)
    return PlaneClient(place.url, place.token, tell=say)
