"""What a stack costs while nothing happens, and when it refuses to run."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg
import pytest
import redis

from pharos.stack.postgres import EmbeddedPostgres
from pharos.stack.redis import EmbeddedRedis
from tests.acceptance.conftest import Commit, package
from tests.acceptance.counted import asked, settled
from tests.acceptance.stack import TIME_SCALE, Stack

#: Three heartbeats and a lost worker's patience, on the scaled clock.
_WHILE = 80 * TIME_SCALE


def _commands(url: str) -> int:
    with redis.Redis.from_url(url) as link:
        stats = link.info("commandstats")
    return sum(entry["calls"] for name, entry in stats.items() if name not in {"cmdstat_info", "cmdstat_hello"})


def test_an_idle_stack_costs_nothing(
    stack: Stack, postgres_server: EmbeddedPostgres, redis_server: EmbeddedRedis, commit: Commit
) -> None:
    """With a worker there and a page being watched, an idle minute asks Postgres nothing and Redis next to nothing."""
    source = stack.folder / "source"
    commit(source, package(5))
    stack.start_plane()
    stack.start_worker()
    stack.wait(stack.submit(source)["job_id"])
    stack.until(lambda: stack.http.get("/api/v1/ingestion/worker/status").json()["data"]["status"], "Idle".__eq__)
    before = settled(postgres_server, stack.database)
    commands = _commands(redis_server.url)

    deadline = time.monotonic() + _WHILE
    while time.monotonic() < deadline:
        assert stack.http.get("/api/v1/ingestion/worker/status").json()["data"]["status"] == "Idle"
        assert stack.http.get("/ui/board").status_code == 200
        time.sleep(2 * TIME_SCALE)

    assert asked(postgres_server, stack.database).since(before) == (frozenset(), 0)
    # The blocking wait is one command in five minutes; the count itself connects, which redis-py does with a few.
    assert _commands(redis_server.url) - commands <= 8


@pytest.mark.parametrize("module", ["plane", "worker"])
def test_an_old_schema_is_refused(
    module: str, tmp_path: Path, postgres_server: EmbeddedPostgres, redis_server: EmbeddedRedis
) -> None:
    """Plane and worker end with exit code 78 on a ledger of another version, and name the command to run."""
    stack = Stack(tmp_path, postgres_server, redis_server.url)
    try:
        with psycopg.connect(postgres_server.owner_url(stack.database)) as link:
            link.execute("delete from pharos.migrations where version = (select max(version) from pharos.migrations)")
        child = stack.start_plane(ready=False) if module == "plane" else stack.start_worker()
        code = stack.until(lambda: child.exit_code, lambda code: code is not None)
    finally:
        stack.close()

    assert code == 78
    assert "pharos db init" in child.last_words()


def test_vectors_can_live_in_qdrant(stack: Stack, commit: Commit) -> None:
    """With Qdrant as its store a worker indexes, replaces and removes like with LanceDB, and no node becomes a home."""
    source = stack.folder / "source"
    commit(source, package(10))
    stack.start_plane()
    stack.start_worker(PHAROS_VECTOR_STORE="qdrant", PHAROS_QDRANT_URL=str(stack.folder / "qdrant"))
    asked = stack.submit(source)
    first = stack.wait(asked["job_id"])

    commit(source, {"more.py": "import pkg\n"})
    second = stack.wait(stack.submit(source)["job_id"])
    removal = stack.http.delete(f"/api/v1/repositories/{asked['repository_id']}").json()["data"]
    removed = stack.wait(removal["job_id"])

    assert [first["state"], second["state"]] == ["succeeded", "succeeded"]
    assert removed["result"] == {"vectors_deleted": 12, "vectors_left": 0}
    assert stack.rows("select count(*) from pharos.homes") == [(0,)]
