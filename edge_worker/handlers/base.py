"""What a handler is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.errors import Cancelled
from shared.knowledge import Knowledge
from shared.textual import PublishedText, Textual


@dataclass(frozen=True, kw_only=True)
class Published:
    """The generation of a repository that everybody sees now."""

    commit: str
    generation: int
    #: The payload's parameters that shaped it, to tell "the same again" from "the same commit, other parameters".
    parameters: dict[str, Any]
    #: The repository was removed: nothing of this generation is left but vectors to be deleted.
    removed: bool = False
    #: Where its vectors lie.
    vector_store: str | None = None
    node: str | None = None
    #: Its text, which has a generation and a commit of its own; ``None`` where none is visible.
    text: PublishedText | None = None


@dataclass(frozen=True, kw_only=True)
class Task:
    """One attempt, as the supervisor hands it to the compute process: plain data, no secret of the ledger."""

    job_id: str
    attempt: int
    kind: str
    tenant_id: str
    repository_id: str
    repository: str
    generation: int
    payload: dict[str, Any]
    work_dir: Path
    published: Published | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a handler achieved: figures for the job's record and, for an ingest, what is to be published.

    What is ``None`` stays as it is published, if it is.
    """

    summary: dict[str, Any] = field(default_factory=dict)
    knowledge: Knowledge | None = None
    text: Textual | None = None


class Reporter:
    """How a handler says how far it is, and hears that it should stop."""

    def __init__(self, send: Callable[[str, int, int], None], stopping: Callable[[], bool]) -> None:
        self._send = send
        self._stopping = stopping

    def stage(self, name: str, done: int = 0, total: int = 0) -> None:
        """Say that ``done`` of ``total`` steps of a stage are behind us. Also a border where a cancel takes effect.

        Raises:
            Cancelled: somebody asked for it.
        """
        self.check()
        self._send(name, done, total)

    def check(self) -> None:
        """Raise ``Cancelled`` if somebody asked for it; called at every batch border."""
        if self._stopping():
            raise Cancelled("cancel_requested", "Cancelled on request. Nothing of this run is visible.")

    def stopping(self) -> bool:
        """Return whether a cancel was asked for, for code that polls a child process."""
        return self._stopping()
