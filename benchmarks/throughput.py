"""Jobs that do nothing through one worker process, beside other queues in the same run.

    .venv/bin/python -m benchmarks.throughput [jobs] [rounds]

Pharos records every job in Postgres (fsync on); the others keep theirs in Redis, but for procrastinate. One job at a
time, as a worker of Pharos works unless it is told otherwise, though it starts and ends several in one commit while
they are this short; the two that end in 4 run four at once, and are to be compared with each other alone. The peers are
installed into an environment of their own, `.venv-peers`. Engines take turns within a round; medians of the rounds,
with each engine's ratio to RQ, and the machine's load beside them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.house import House
from shared.jobs.kinds import Kind
from shared.jobs.payloads import IngestPayload
from shared.ledger.keeper import Submission
from shared.ledger.records import DEFAULT_TENANT

ROOT = Path(__file__).parents[1]
PEERS = ROOT / ".venv-peers"
ENGINES = ("rq", "celery", "dramatiq", "taskiq", "procrastinate", "procrastinate-4")
#: Ours, by the slots of the worker.
OURS = {"pharos": 1, "pharos-4": 4}


def peers() -> Path:
    """Return the peers' Python, installed at the first use."""
    python = PEERS / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
        wanted = ROOT / "benchmarks" / "peers" / "requirements.txt"
        subprocess.run([str(python), "-m", "pip", "install", "-qq", "-r", str(wanted)], check=True)
    return python


def peer(house: House, engine: str, count: int) -> float:
    """Return jobs a second of another engine on the same servers."""
    house.clear_redis()
    database = house.own_database(engine.replace("-", "_"))
    environment = {**os.environ, "REDIS_URL": house.redis_url, "POSTGRES_URL": database}
    command = [str(peers()), str(ROOT / "benchmarks" / "peers" / "jobs.py"), engine, str(count)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return count / float(done.stdout.split()[-1])


def pharos(house: House, count: int, *, slots: int = 1) -> float:
    """Return jobs a second from the first start to the last end, as the ledger's clock saw them."""
    house.clear_redis()
    house.clear_jobs()
    with house.keeper() as keeper:
        asked = [_submission(f"github.com/bench/{number}-{time.time_ns()}") for number in range(count)]
        for begin in range(0, count, 500):
            keeper.submit_all([(one, 10**6) for one in asked[begin : begin + 500]])
    with house.start_worker("benchmarks.noop_worker", PHAROS_SLOTS=str(slots)):
        return count / house.seconds_of_jobs(count)


def _submission(repository: str) -> Submission:
    payload = IngestPayload(url=f"https://{repository}")
    return Submission(
        tenant_id=DEFAULT_TENANT, kind=Kind.INGEST, repository=repository, payload=payload, ttl_ms=86_400_000
    )


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    peers()
    rates: dict[str, list[float]] = {name: [] for name in (*OURS, *ENGINES)}
    with tempfile.TemporaryDirectory() as folder, House(Path(folder)) as house:
        house.start_plane(PHAROS_LOG_LEVEL="warning", PHAROS_QUEUE_CAP="100000")
        for _ in range(rounds):
            for name, slots in OURS.items():
                rates[name].append(pharos(house, count, slots=slots))
            for engine in ENGINES:
                rates[engine].append(peer(house, engine, count))
    base = statistics.median(rates["rq"])
    for name, found in rates.items():
        rate = statistics.median(found)
        every = " ".join(f"{one:.0f}" for one in found)
        print(f"{name:16} {rate:7.0f} jobs/s  {rate / base:5.2f} x RQ SimpleWorker  ({every})")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
