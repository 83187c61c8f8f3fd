"""Tasks on the wire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge_worker.handlers.base import Published, Task


def write_task(task: Task) -> dict[str, Any]:
    """Return a task as a message carries it."""
    published = None if task.published is None else vars(task.published)
    return {**vars(task), "work_dir": str(task.work_dir), "published": published}


def read_task(values: dict[str, Any]) -> Task:
    """Return the task that ``write_task`` wrote."""
    known = values["published"]
    published = None if known is None else Published(**known)
    return Task(**{**values, "work_dir": Path(values["work_dir"]), "published": published})
