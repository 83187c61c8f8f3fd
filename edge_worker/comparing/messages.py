"""What is said to the process that compares, and what it answers: one JSON object each way."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from edge_worker.attempt.messages import Equipment
from shared.nodes.comparison import Comparison, Difference


class Assignment(BaseModel):
    """Two commits to compare, with scratch space that somebody else removes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    equipment: Equipment
    comparison: Comparison
    folder: Path


class Finding(BaseModel):
    """The files in which they differ, or why that cannot be told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    changes: list[Difference] = []
    error: str | None = None
    #: It cannot be told by this worker, for want of a token, a folder or a way; another may have it.
    elsewhere: bool = False
    #: It cannot be told by anybody: there is no such commit.
    missing: bool = False
