"""Twins of what a search reads in the ledger, and the words of a worker that answers one."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from plane_factories import A_REPOSITORY, NOON

from shared.errors import PharosError
from shared.ids import repository_id
from shared.ledger.names import NamedFile
from shared.ledger.records import DEFAULT_TENANT
from shared.ledger.repositories import Repository, RepositoryText
from shared.textual import Name

COLLECTION = "text_small_384_0123abcd"


def a_text(**changes: Any) -> RepositoryText:
    """Return the text of a repository whose passages lie on the node ``den``."""
    given: dict[str, Any] = {
        "commit": "c" * 40,
        "generation": 7,
        "collection": COLLECTION,
        "model": "small",
        "dimension": 384,
        "passages": 120,
        "node": "den",
        "vector_store": "lancedb",
        "indexed_at": NOON,
        "stats": {},
    }
    return RepositoryText(**{**given, **changes})


def a_searchable(name: str = "github.com/acme/api", **changes: Any) -> Repository:
    """Return a repository that has text."""
    found = repository_id(DEFAULT_TENANT, name)
    return replace(A_REPOSITORY, id=found, name=name, url=f"https://{name}", text=a_text(**changes))


def a_hit(repository: Repository, path: str = "src/auth.py", **changes: Any) -> dict[str, Any]:
    """Return a hit as a worker writes it."""
    hit = {
        "repository_id": repository.id,
        "path": path,
        "language": "python",
        "kind": "function",
        "symbol": "check_token",
        "start": 10,
        "end": 24,
        "score": 1.5,
        "snippet": "def check_token(token):\n    return token in KNOWN",
        "snippet_start": 10,
    }
    return hit | changes


def an_answer(*hits: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return what a healthy worker answers."""
    answer = {"hits": list(hits), "ranker": "linear-1", "model": "small", "timings": {"embed": 4.0, "rank": 2.0}}
    return answer | changes


@dataclass
class TextLedger:
    """The repositories of one tenant by name, and how often they were read; raises what it is told to."""

    repositories: list[Repository] = field(default_factory=list)
    reads: int = 0
    error: PharosError | None = None
    #: Set: somebody reads, or has read.
    came: threading.Event = field(default_factory=threading.Event)
    #: Set: it answers.
    awake: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.awake.set()

    def page(self, *, tenant: UUID, after: str | None, limit: int) -> list[Repository]:
        """Return those that come after a name."""
        self.reads += 1
        self.came.set()
        assert self.awake.wait(20)
        if self.error is not None:
            raise self.error
        found = sorted(self.repositories, key=lambda one: one.name) if tenant == DEFAULT_TENANT else []
        return [one for one in found if after is None or one.name > after][:limit]


@dataclass
class NamesTwin:
    """Finds files whose path or symbols hold one of the words, and remembers what it was asked."""

    files: list[NamedFile] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    error: PharosError | None = None

    def search(
        self, asked: Sequence[str], *, tenant: UUID, repository_ids: Sequence[str] | None, path: str, limit: int
    ) -> list[NamedFile]:
        """Return them, best first."""
        self.asked.append({"words": list(asked), "repositories": repository_ids, "path": path, "limit": limit})
        if self.error is not None:
            raise self.error
        found = [one for one in self.files if repository_ids is None or one.repository_id in repository_ids]
        found = [one for one in found if one.path.startswith(path) and any(map(_text(one).__contains__, asked))]
        return sorted(found, key=lambda one: -one.score)[:limit]


def a_named_file(repository: Repository, path: str = "src/auth.py", **changes: Any) -> NamedFile:
    """Return a file that has one symbol."""
    given: dict[str, Any] = {
        "repository_id": repository.id,
        "repository": repository.name,
        "path": path,
        "language": "python",
        "names": (Name(symbol="check_token", kind="function", start=10, end=24),),
        "score": 0.6,
    }
    return NamedFile(**{**given, **changes})


def _text(one: NamedFile) -> str:
    return " ".join([one.path, *(name.symbol for name in one.names)]).lower()
