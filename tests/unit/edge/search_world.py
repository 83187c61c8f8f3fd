"""Passages of a small program, where they lie, and what is asked about them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import numpy as np
import psutil

from edge_worker.searching.asked import Searches
from shared.nodes.search import Question, Target
from shared.stores.lance_passages import LancePassageStore
from shared.stores.passages import Passage, PassageStore, Place, Stored, Vectors
from shared.words import words

TENANT = UUID("00000000-0000-7000-8000-000000000001")
COLLECTION = "text_tiny_4_0123abcd"
GENERATION = 7
#: Path, symbol and text of each passage.
PROGRAM = (
    ("src/auth.py", "check_token", "def check_token(token):\n    return token in KNOWN"),
    ("src/auth.py", "forget", "def forget(token):\n    KNOWN.discard(token)"),
    ("src/web/pages.py", "render_page", "def render_page(name):\n    return TEMPLATES[name]"),
    ("src/na\udcffme.py", "odd", "def odd():\n    '''A file whose name is no UTF-8.'''"),
)


def a_target(name: str = "acme", **changes: Any) -> Target:
    """Return the published text of a repository."""
    given = {"repository_id": name, "repository": f"github.com/{name}/api", "generation": GENERATION}
    return Target.model_validate({**given, "collection": COLLECTION, **changes})


def a_question(query: str = "check a token", *targets: Target, **changes: Any) -> dict[str, Any]:
    """Return a question as it comes over the line; half a minute is more than any machine needs."""
    asked = Question(tenant_id=TENANT, query=query, targets=targets or (a_target(),), milliseconds=30_000)
    return {**asked.model_dump(mode="json"), **changes}


def a_passage(number: int, *, repository: str = "acme", vector: Vectors | None = None) -> Passage:
    """Return one of the program."""
    path, symbol, text = PROGRAM[number]
    end = text.count("\n") + 1
    return Passage(
        tenant_id=str(TENANT),
        repository_id=repository,
        repository=f"github.com/{repository}/api",
        generation=GENERATION,
        chunk=f"{number:032x}",
        blob="b" * 40,
        place=Place(path=path, language="python", kind="function", symbol=symbol, start=1, end=end),
        header="",
        text=text,
        words=" ".join(words(text)),
        vector=np.eye(4, dtype=np.float32)[number] if vector is None else vector,
    )


def stored_at(folder: Path, *, repositories: Sequence[str] = ("acme",)) -> Path:
    """Write the program as each of the repositories; return the folder."""
    store = LancePassageStore(path=folder)
    store.prepare(COLLECTION, dimension=4)
    store.upsert(
        COLLECTION,
        [a_passage(number, repository=one) for one in repositories for number in range(len(PROGRAM))],
    )
    store.close()
    return folder


@dataclass
class Passages:
    """A store of passages in memory, for reading alone: how many passages each repository has."""

    held: dict[str, int]
    known: Collection[str] = (COLLECTION,)
    read_of: list[str] = field(default_factory=list)

    def read(self, collection: str, *, tenant_id: str, repository_id: str, generation: int) -> Iterator[Stored]:
        """Yield them all, in one batch."""
        self.read_of.append(repository_id)
        count = self.held.get(repository_id, 0)
        if not count:
            return
        place = Place(path="a.py", language="python", kind="function", symbol="parse", start=1, end=1)
        yield Stored(
            chunks=[f"{number:032x}" for number in range(count)],
            places=[place] * count,
            texts=["def parse(): ..."] * count,
            words=["def parse"] * count,
            vectors=np.ones((count, 4), dtype=np.float32) / 2,
        )

    def collections(self) -> list[str]:
        """Return their names."""
        return sorted(self.known)

    @property
    def store(self) -> PassageStore:
        """Return it as a store."""
        return cast(PassageStore, self)


def ended(searches: Searches) -> None:
    """End the process of these searches, as the end of a worker does."""
    if searches.pid is not None:
        psutil.Process(searches.pid).kill()
