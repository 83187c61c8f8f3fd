"""How soon an idle worker has started a job that was just recorded: ``python -m benchmarks.wake [jobs]``.

Over TCP on this machine the worker waits on its lanes; over REST nothing can ring there, so the plane says so over the
worker's line. For REST, Redis and the plane are 60 ms there and back from the worker, and Redis so far from the plane
too. Seconds are the ledger's own, from recording a job to its start; jobs come one at a time, well apart.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2

from benchmarks.house import ADMIN, House
from tests.faults.proxy import FaultProxy
from tests.upstash.server import serve_upstash

#: Seconds there and back.
ROUND_TRIP = 0.06
_APART = 0.5


@contextmanager
def over_tcp(house: House) -> Iterator[None]:
    """Run a plane and a worker that share a Redis on this machine."""
    house.start_plane(PHAROS_LOG_LEVEL="warning")
    house.start_worker("benchmarks.noop_worker")
    yield


@contextmanager
def over_rest(house: House) -> Iterator[None]:
    """Run a plane and a worker that reach Redis over REST, and each other, from far away."""
    with ExitStack() as parts:
        upstash = parts.enter_context(serve_upstash(house.redis_url))
        port = int(upstash.url.rpartition(":")[2])
        ways = [parts.enter_context(FaultProxy(("127.0.0.1", one))) for one in (port, port, house.port)]
        for way in ways:
            way.latency = ROUND_TRIP / 2
        rest = [f"http://127.0.0.1:{way.port}" for way in ways]
        house.start_plane(PHAROS_LOG_LEVEL="warning", PHAROS_REDIS_URL=rest[0], PHAROS_REDIS_TOKEN=upstash.token)
        settings = {"PHAROS_REDIS_URL": rest[1], "PHAROS_REDIS_TOKEN": upstash.token, "PHAROS_CONTROL_URL": rest[2]}
        house.start_worker("benchmarks.noop_worker", **settings)
        yield


def measure(house: House, jobs: int) -> list[float]:
    """Return the milliseconds from recording each of so many jobs to its start."""
    headers = {"Authorization": f"Bearer {ADMIN}"}
    with httpx2.Client(base_url=f"http://127.0.0.1:{house.port}", headers=headers, timeout=30.0) as http:
        while not any(one["line"] == "open" and one["mailbox"] for one in http.get("/api/v1/workers").json()["data"]):
            time.sleep(0.1)
        for number in range(jobs):
            # The worker is idle again by then, and its line has nothing on it.
            time.sleep(_APART)
            answer = http.post("/api/v1/ingestion/ingest", json={"url": f"github.com/bench/{number}"})
            answer.raise_for_status()
    house.seconds_of_jobs(jobs)
    return house.milliseconds_until_start()


def main() -> None:
    """Measure and print."""
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    for name, way, limit in (("TCP, here", over_tcp, 50), ("REST, 60 ms", over_rest, 300)):
        with tempfile.TemporaryDirectory() as folder, House(Path(folder)) as house, way(house):
            found = measure(house, jobs)
        half, worst = statistics.median(found), max(found)
        print(f"{name:12} {jobs} jobs  p50 {half:6.1f} ms  worst {worst:6.1f} ms  limit {limit} ms", flush=True)


if __name__ == "__main__":
    main()
