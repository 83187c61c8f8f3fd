"""How long a killed worker's job is in nobody's hand: ``python -m benchmarks.recovery [scale]``.

A worker is killed at a named point and another one is there: the seconds until its job runs on the other, on the
ledger's clock. ``scale`` shrinks the product's times (0.1); what is printed is divided by it again, and
so counts this machine's own slowness as many times over. A scale of 1 takes a minute for each line.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from pharos.stack.postgres import EmbeddedPostgres
from pharos.stack.redis import EmbeddedRedis, find_redis_program
from tests.faults.house import House
from tests.faults.nursery import Nursery
from tests.faults.strike import BEFORE_THE_END, strike
from tests.upstash.server import serve_upstash

TRANSPORTS = ("tcp", "rest", "none")


def main() -> None:
    """Measure and print."""
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 0.1
    program = find_redis_program()
    if program is None:
        raise SystemExit("a Redis or Valkey server is needed")
    worst = 0.0
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres(Path(folder) / "postgres", durable=False) as postgres,
        EmbeddedRedis(Path(folder) / "redis", program=program) as redis,
        Nursery() as nursery,
    ):
        for transport in TRANSPORTS:
            for point in BEFORE_THE_END:
                with ExitStack() as parts:
                    settings: dict[str, str] = {}
                    if transport == "rest":
                        upstash = parts.enter_context(serve_upstash(redis.url))
                        settings = {"PHAROS_REDIS_URL": upstash.url, "PHAROS_REDIS_TOKEN": upstash.token}
                    own = Path(parts.enter_context(tempfile.TemporaryDirectory()))
                    url = None if transport == "none" else redis.url
                    house = House(own, postgres, url, nursery=nursery, scale=scale, settings=settings)
                    took = strike(parts.enter_context(house), point).seconds / scale
                worst = max(worst, took)
                print(f"{transport:5} {point:18} {took:6.1f} s", flush=True)
    print(f"worst {worst:.1f} s of 75 s, times scaled by {scale}")


if __name__ == "__main__":
    main()
