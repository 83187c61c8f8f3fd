"""What holds for every attempt of a worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_worker.handful import SOON
from shared.timing import Timing


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What holds for every attempt of this worker."""

    worker: str
    work_dir: Path
    job_timeout: float
    #: Jobs that a slot may have in hand while they are short.
    most: int
    #: Seconds that a job may take beside others in hand.
    soon: float = SOON
    timing: Timing
