"""Following a job until it has ended."""

from __future__ import annotations

import time
from collections.abc import Callable

from pharos.answers import Job
from pharos.client import PlaneClient

ENDED = frozenset({"succeeded", "failed", "cancelled", "skipped"})


def follow(client: PlaneClient, job_id: str, *, show: Callable[[Job], None], every: float) -> Job:
    """Return the job once it has ended; ``show`` sees it every so many seconds until then."""
    while True:
        job = client.job(job_id)
        show(job)
        if job["state"] in ENDED:
            return job
        time.sleep(every)
