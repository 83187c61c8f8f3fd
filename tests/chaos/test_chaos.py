"""A minute of everything at once: kills, resets, lost replies, flushes, freezes, and a plane that dies."""

from __future__ import annotations

from pathlib import Path

from pharos.stack.postgres import EmbeddedPostgres
from pharos.stack.redis import EmbeddedRedis
from tests.chaos.run import run
from tests.faults.nursery import Nursery


def test_a_storm_loses_nothing_and_doubles_nothing(
    tmp_path: Path, postgres_server: EmbeddedPostgres, redis_server: EmbeddedRedis
) -> None:
    """Sixty jobs in a storm all end as they were meant to, each with the one effect that it should have."""
    with Nursery() as nursery:
        report = run(1, 60, tmp_path, postgres=postgres_server, redis_server=redis_server, nursery=nursery)

    print(report.line())
    assert report.verdict.problems == ()
    assert report.done["kill"] > 0
