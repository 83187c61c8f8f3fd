"""A worker dies while it computes: the real one, at every stage, with vectors half written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pharos.stack.postgres import EmbeddedPostgres
from pharos.stack.processes import Child
from pharos.stack.redis import EmbeddedRedis
from shared.ledger.records import DEFAULT_TENANT
from shared.stores.lance import LanceVectorStore
from tests.acceptance.conftest import commit, package
from tests.acceptance.stack import Stack, kill

_STAGES = ("fetch", "parse", "train", "store", "done")
#: More files than one batch of vectors holds.
_FILES = 150

__all__ = ["commit"]


@pytest.fixture
def stack(tmp_path: Path, postgres_server: EmbeddedPostgres, redis_server: EmbeddedRedis) -> Iterator[Stack]:
    """A stack with nothing started yet."""
    whole = Stack(tmp_path, postgres_server, redis_server.url)
    yield whole
    whole.close()


def _stands_still(worker: Child) -> bool:
    return any(_stopped(child) for child in psutil.Process(worker.pid).children(recursive=True))


def _stopped(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_STOPPED)
    except psutil.NoSuchProcess:  # a git that has done its work
        return False


def test_a_worker_killed_at_every_stage_publishes_once(stack: Stack, commit) -> None:  # type: ignore[no-untyped-def]
    """Killed at fetch, parse, training, storing and and with its result in hand, a job ends whole or shows nothing."""
    source = stack.folder / "source"
    commit(source, package(_FILES))
    stack.start_plane()
    asked = stack.submit(source)
    for stage in _STAGES:
        worker = stack.start_worker(PHAROS_FAULT_AT=f"compute.{stage}:stop")
        stack.until(lambda worker=worker: _stands_still(worker), bool)
        assert stack.rows("select count(*) from pharos.files") == [(0,)]
        kill(worker)

    stack.start_worker()
    job = stack.wait(asked["job_id"])

    assert (job["state"], job["attempt"]) == ("succeeded", len(_STAGES) + 1)
    assert stack.rows("select rescues, failures from pharos.jobs") == [(len(_STAGES), 0)]
    assert stack.rows("select count(*), count(distinct path) from pharos.files") == [(_FILES + 1, _FILES + 1)]
    assert stack.until(lambda: _vectors(stack, asked["repository_id"]), lambda count: count == _FILES + 1)


def test_a_push_killed_half_way_disturbs_nothing(stack: Stack, commit) -> None:  # type: ignore[no-untyped-def]
    """Killed with new vectors written, or with the old ones renewed as well, a push leaves what is visible alone."""
    source = stack.folder / "source"
    commit(source, package(_FILES))
    stack.start_plane()
    first = stack.start_worker()
    repository = stack.submit(source)["repository_id"]
    stack.until(lambda: _visible(stack, repository), lambda seen: seen == _FILES + 1)
    first.stop()
    commit(source, {"pkg/pushed.py": "from pkg import m1\n"})
    asked = stack.submit(source)

    for stage in ("store", "done"):
        worker = stack.start_worker(PHAROS_FAULT_AT=f"compute.{stage}:stop")
        stack.until(lambda worker=worker: _stands_still(worker), bool)
        assert _visible(stack, repository) == _FILES + 1
        kill(worker)
    stack.start_worker()
    job = stack.wait(asked["job_id"])

    vectors = job["result"]["vectors"]
    assert (job["state"], vectors["way"], vectors["written"] + vectors["kept"]) == ("succeeded", "update", _FILES + 2)
    assert vectors["kept"] > vectors["written"] > 0
    assert _visible(stack, repository) == _FILES + 2
    assert stack.until(lambda: _vectors(stack, repository), lambda count: count == _FILES + 2)


def _visible(stack: Stack, repository_id: str) -> int:
    """Return how many vectors the published generation sees."""
    published = stack.rows("select generation from pharos.repositories")
    return _vectors(stack, repository_id, generation=published[0][0]) if published else 0


def _vectors(stack: Stack, repository_id: str, generation: int | None = None) -> int:
    """Return how many vectors a generation sees, or how many there are; those that nobody sees are tidied up."""
    store = LanceVectorStore(path=stack.folder / "lancedb-alienware")
    where = {"tenant_id": str(DEFAULT_TENANT), "repository_id": repository_id}
    try:
        return store.count("structure_node2vec_64", generation=generation, **where)
    finally:
        store.close()
