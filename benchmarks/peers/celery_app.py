"""The tasks for Celery."""

from __future__ import annotations

import jobs
from celery import Celery

app = Celery("bench", broker=jobs.REDIS, backend=jobs.REDIS)
nothing = app.task(name="nothing")(jobs.nothing)
mark = app.task(name="mark")(jobs.mark)
