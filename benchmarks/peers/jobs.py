"""The same two tasks for every engine: one that does nothing, and one that notes the time.

    python benchmarks/peers/jobs.py ENGINE COUNT

Queues a mark, COUNT jobs that do nothing, and a mark; runs one worker process that takes one job at a time; prints the
seconds between the marks. ``REDIS_URL`` and ``POSTGRES_URL`` say where.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import redis

REDIS = os.environ["REDIS_URL"]
_MARKS = "bench:marks"
_HERE = Path(__file__).parent


def nothing() -> None:
    """Do nothing."""


def mark() -> None:
    """Note the time."""
    redis.Redis.from_url(REDIS).rpush(_MARKS, repr(time.time()))


def between_marks(worker: subprocess.Popen[bytes] | None) -> float:
    """Return the seconds between the two marks, once both are there; end the worker."""
    link = redis.Redis.from_url(REDIS)
    marks = [float(link.blpop(_MARKS, timeout=300)[1]) for _ in range(2)]
    if worker is not None:
        worker.terminate()
        worker.wait()
    return marks[1] - marks[0]


def program(*command: str) -> subprocess.Popen[bytes]:
    """Start a worker program of this environment."""
    environment = {**os.environ, "PYTHONPATH": str(_HERE)}
    path = Path(sys.executable).parent / command[0]
    return subprocess.Popen(
        [str(path), *command[1:]], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def rq_simple(count: int) -> float:
    """RQ's SimpleWorker: no fork, one job after another."""
    from rq import Queue, SimpleWorker

    link = redis.Redis.from_url(REDIS)
    queue = Queue("bench", connection=link)
    for task in (mark, *[nothing] * count, mark):
        queue.enqueue(f"jobs.{task.__name__}")
    SimpleWorker([queue], connection=link).work(burst=True, logging_level="ERROR")
    return between_marks(None)


def celery_solo(count: int) -> float:
    """Celery's solo pool."""
    from celery_app import app

    for name in ("mark", *["nothing"] * count, "mark"):
        app.send_task(name)
    return between_marks(program("celery", "-A", "celery_app", "worker", "-P", "solo", "-c", "1", "-l", "ERROR"))


def dramatiq_one(count: int) -> float:
    """Dramatiq with one process and one thread."""
    import dramatiq_app

    for task in (dramatiq_app.mark, *[dramatiq_app.nothing] * count, dramatiq_app.mark):
        task.send()
    return between_marks(program("dramatiq", "dramatiq_app", "--processes", "1", "--threads", "1"))


def taskiq_one(count: int) -> float:
    """taskiq on a Redis list with one process and one task at a time."""
    import taskiq_app

    async def queue() -> None:
        await taskiq_app.broker.startup()
        for task in (taskiq_app.mark, *[taskiq_app.nothing] * count, taskiq_app.mark):
            await task.kiq()
        await taskiq_app.broker.shutdown()

    asyncio.run(queue())
    return between_marks(program("taskiq", "worker", "taskiq_app:broker", "--workers", "1", "--max-async-tasks", "1"))


def procrastinate_one(count: int, *, at_once: int = 1) -> float:
    """procrastinate, durable in Postgres as Pharos is, one job at a time or several."""
    from procrastinate_app import app, mark_task, nothing_task

    async def run() -> None:
        async with app.open_async():
            await app.schema_manager.apply_schema_async()
            await mark_task.defer_async()
            for _ in range(count):
                await nothing_task.defer_async()
            await mark_task.defer_async()
            await app.run_worker_async(wait=False, concurrency=at_once, install_signal_handlers=False)

    asyncio.run(run())
    return between_marks(None)


ENGINES: dict[str, Callable[[int], float]] = {
    "rq": rq_simple,
    "celery": celery_solo,
    "dramatiq": dramatiq_one,
    "taskiq": taskiq_one,
    "procrastinate": procrastinate_one,
    "procrastinate-4": partial(procrastinate_one, at_once=4),
}

if __name__ == "__main__":
    sys.path.insert(0, str(_HERE))
    print(ENGINES[sys.argv[1]](int(sys.argv[2])))
