"""Tasks on the wire."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge_worker.handlers.base import Published, Task
from shared.ledger.publish import PublishedRow
from shared.ledger.records import Job
from shared.textual import PublishedText


def make_task(job: Job, folder: Path, visible: PublishedRow | None) -> Task:
    """Return the task of a started job, which may use ``folder``; ``visible`` is what everybody sees now."""
    published = None
    if visible is not None:
        published = Published(
            commit=visible.commit or "",
            generation=visible.generation,
            parameters=visible.parameters,
            removed=visible.removed,
            vector_store=visible.vector_store,
            node=visible.node,
            text=visible.text,
        )
    return Task(
        job_id=job.id,
        attempt=job.attempt,
        kind=job.kind,
        tenant_id=str(job.tenant_id),
        repository_id=job.repository_id,
        repository=job.repository,
        generation=job.generation or 0,
        payload=job.payload,
        work_dir=folder,
        published=published,
    )


def write_task(task: Task) -> dict[str, Any]:
    """Return a task as a message carries it."""
    published = None if task.published is None else asdict(task.published)
    return {**vars(task), "work_dir": str(task.work_dir), "published": published}


def read_task(values: dict[str, Any]) -> Task:
    """Return the task that ``write_task`` wrote."""
    known = values["published"]
    published = None if known is None else _published(known)
    return Task(**{**values, "work_dir": Path(values["work_dir"]), "published": published})


def _published(values: dict[str, Any]) -> Published:
    text = values["text"]
    return Published(**{**values, "text": None if text is None else PublishedText(**text)})
