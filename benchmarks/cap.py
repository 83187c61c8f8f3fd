"""The cap under a crowd: so many submitters at once, Postgres far away; how many are accepted, and how long that takes.

    .venv/bin/python -m benchmarks.cap

A control plane whose Postgres answers after 0 and after 100 ms, a cap of 20, and 200 and 1,000 submitters at once,
each with a connection and a repository of its own.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.house import House
from benchmarks.submit import Caller
from tests.faults.proxy import FaultProxy

CAP = 20


async def crowd(port: int, people: int) -> tuple[Counter[int], float]:
    """Return how often each status was answered, and the seconds until the last answer."""
    callers = [Caller(port, f"{people}-{number}-{time.time_ns()}") for number in range(people)]
    began = time.perf_counter()
    statuses = await asyncio.gather(*(caller.once() for caller in callers))
    return Counter(statuses), time.perf_counter() - began


def measure(folder: Path, delay: int) -> None:
    """Measure with Postgres so many milliseconds away, and print."""
    with House(folder) as house, FaultProxy(house.postgres_address) as proxy:
        proxy.latency = delay / 2000
        port = house.start_plane(**house.through(proxy.port), PHAROS_LOG_LEVEL="warning", PHAROS_QUEUE_CAP=str(CAP))
        asyncio.run(crowd(port, 2))
        for people in (200, 1000):
            house.clear_jobs()
            statuses, seconds = asyncio.run(crowd(port, people))
            print(
                f"{people:5} submitters, Postgres {delay:3} ms away, cap {CAP}: {statuses[202]} accepted, "
                f"{statuses[429]} told that it is full, {house.count_jobs()} recorded, {seconds:.1f} s",
                flush=True,
            )


def main() -> None:
    """Measure and print."""
    for delay in (0, 100):
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), delay)


if __name__ == "__main__":
    main()
