"""Ingest: one commit of a repository becomes knowledge, its graph, its text for search, or both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge_worker.handlers.base import Outcome, Reporter, Task
from edge_worker.handlers.reading import Source
from edge_worker.handlers.stopwatch import Stopwatch
from edge_worker.handlers.structure import StructureHalf
from edge_worker.handlers.text import TextHalf
from shared.jobs.payloads import IngestPayload
from shared.textual import Textual


@dataclass(frozen=True, kw_only=True)
class Ingest:
    """The handler. ``source`` says how this worker may reach what a task names."""

    source: Callable[[Task, IngestPayload], Source]
    structure: StructureHalf
    text: TextHalf

    def __call__(self, task: Task, reporter: Reporter) -> Outcome:
        """Return what is to be published, or that this commit is published already.

        Each half is judged by itself: what of a commit is published already is not made again for the other's sake.

        Raises:
            JobSignal: as its message says; nothing of this attempt is visible.
            ConfigurationError: text was asked for, and this worker has no model for it.
            StoreUnavailable: the vectors could not be written.
        """
        payload = IngestPayload.model_validate(task.payload)
        source, watch = self.source(task, payload), Stopwatch()
        reporter.stage("fetch")
        with watch.stage("resolve"):
            commit = source.commit(reporter)
        makes_structure = payload.wants_structure and not self.structure.is_done(task, payload, commit)
        makes_text = payload.wants_text and not self.text.is_done(task, payload, commit)
        if not makes_structure and not makes_text:
            note = "This commit is published already; nothing to do."
            return Outcome(summary={"unchanged": True, "commit": commit, "note": note})
        with watch.stage("fetch"):
            bare, read = source.read(commit, reporter)
        learned = Outcome()
        if makes_structure:
            learned = self.structure(task, payload, bare, read, watch=watch, reporter=reporter)
        if not makes_text:
            return learned
        textual = self.text(task, payload, bare, watch=watch, reporter=reporter)
        return Outcome(summary=_summary(learned, textual, watch), knowledge=learned.knowledge, text=textual)


def _summary(learned: Outcome, textual: Textual, watch: Stopwatch) -> dict[str, Any]:
    text = {"model": textual.model, "passages": textual.passages, **textual.stats}
    return {"commit": textual.commit, "seconds": watch.seconds, **learned.summary, "text": text}
