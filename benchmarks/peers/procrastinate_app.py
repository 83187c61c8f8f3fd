"""The tasks for procrastinate."""

from __future__ import annotations

import os

import jobs
from procrastinate import App, PsycopgConnector

app = App(connector=PsycopgConnector(conninfo=os.environ["POSTGRES_URL"]))
nothing_task = app.task(name="nothing")(jobs.nothing)
mark_task = app.task(name="mark")(jobs.mark)
