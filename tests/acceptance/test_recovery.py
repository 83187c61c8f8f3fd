"""Nothing is lost, and nothing stands twice, whatever dies."""

from __future__ import annotations

import psutil
import redis

from pharos.stack.redis import EmbeddedRedis
from shared.stores.lance import LanceVectorStore
from tests.acceptance.conftest import Commit, package
from tests.acceptance.stack import Stack, kill

#: Passes that keep a job in training for long enough to be caught at it.
_LONG = 100


def _in_training(stack: Stack, job_id: str) -> dict[str, object]:
    return stack.until(
        lambda: stack.job(job_id),
        lambda job: (job["progress"] or {}).get("stage") == "train" and job["progress"]["done"] > 0,
    )


def _points(stack: Stack, node: str, repository_id: str) -> int:
    store = LanceVectorStore(path=stack.folder / f"lancedb-{node}")
    try:
        return store.count(
            "structure_node2vec_64", tenant_id="00000000-0000-7000-8000-000000000001", repository_id=repository_id
        )
    finally:
        store.close()


def _scratch(stack: Stack) -> list[str]:
    """Return the folders of worker processes; what was read of files before lies beside them, and stays."""
    return [path.name for path in (stack.folder / "work-alienware").iterdir() if "@" in path.name]


def test_a_job_outlives_its_worker(stack: Stack, commit: Commit) -> None:
    """A worker killed in mid-job leaves a job that another node finishes, with rows and vectors exactly once."""
    source = stack.folder / "source"
    commit(source, package(300))
    stack.start_plane()
    first = stack.start_worker()
    asked = stack.submit(source, epochs=_LONG)
    _in_training(stack, asked["job_id"])

    kill(first)
    stack.start_worker("pi5")
    job = stack.wait(asked["job_id"])

    repository = asked["repository_id"]
    assert (job["state"], job["attempt"]) == ("succeeded", 2)
    assert stack.rows("select rescues, failures from pharos.jobs") == [(1, 0)]
    assert stack.rows("select count(*), count(distinct path) from pharos.files") == [(301, 301)]
    assert stack.until(lambda: _points(stack, "pi5", repository), lambda count: count == 301) == 301
    assert stack.rows("select node from pharos.homes") == [("pi5",)]


def test_a_job_outlives_its_compute_process(stack: Stack, commit: Commit) -> None:
    """A compute process that dies is counted as a failure of the attempt, and the worker goes on with a new one."""
    source = stack.folder / "source"
    commit(source, package(300))
    stack.start_plane()
    worker = stack.start_worker()
    asked = stack.submit(source, epochs=_LONG)
    _in_training(stack, asked["job_id"])

    (compute,) = [
        child for child in psutil.Process(worker.pid).children() if "edge_worker.attempt.child" in child.cmdline()
    ]
    compute.kill()
    job = stack.wait(asked["job_id"])

    assert (job["state"], job["attempt"]) == ("succeeded", 2)
    assert stack.rows("select rescues, failures from pharos.jobs") == [(0, 1)]


def test_an_emptied_redis_loses_no_job(stack: Stack, redis_server: EmbeddedRedis, commit: Commit) -> None:
    """With one job running and more on their lanes, FLUSHALL takes every id and no job."""
    sources = [stack.folder / f"source{number}" for number in range(4)]
    for number, source in enumerate(sources):
        commit(source, package(20 if number else 300))
    stack.start_plane()
    stack.start_worker()
    asked = [stack.submit(source, epochs=_LONG) for source in sources]
    _in_training(stack, asked[0]["job_id"])

    with redis.Redis.from_url(redis_server.url) as link:
        link.flushall()
    ended = [stack.wait(one["job_id"]) for one in asked]

    assert [job["state"] for job in ended] == ["succeeded"] * 4
    assert [job["attempt"] for job in ended] == [1] * 4


def test_work_goes_on_without_redis(stack: Stack, commit: Commit) -> None:
    """With Redis out of reach a submit is answered 202, the job runs, and the plane says that it is degraded."""
    stack.redis_url = "redis://127.0.0.1:1"
    source = stack.folder / "source"
    commit(source, package(20))
    stack.start_plane()
    stack.start_worker()

    asked = stack.submit(source)
    job = stack.wait(asked["job_id"])

    health = stack.http.get("/health").json()["data"]
    assert job["state"] == "succeeded"
    assert (health["status"], health["parts"]["redis"]["state"]) == ("degraded", "down")


def test_a_plane_that_restarts_loses_no_job(stack: Stack, commit: Commit) -> None:
    """A control plane killed while a job runs and another waits comes back to both, and both end."""
    first, second = stack.folder / "first", stack.folder / "second"
    commit(first, package(200))
    commit(second, package(20))
    plane = stack.start_plane()
    stack.start_worker()
    asked = [stack.submit(first, epochs=_LONG), stack.submit(second)]
    _in_training(stack, asked[0]["job_id"])

    kill(plane)
    stack.start_plane()
    ended = [stack.wait(one["job_id"]) for one in asked]

    assert [(job["state"], job["attempt"]) for job in ended] == [("succeeded", 1)] * 2


def test_a_crash_of_everything_loses_no_job(stack: Stack, commit: Commit) -> None:
    """Plane and worker killed at once come back to the job that ran, without waiting for its lease to end."""
    source = stack.folder / "source"
    commit(source, package(300))
    plane, worker = stack.start_plane(), stack.start_worker()
    asked = stack.submit(source, epochs=_LONG)
    _in_training(stack, asked["job_id"])

    kill(plane)
    kill(worker)
    stack.start_plane()
    stack.start_worker()
    # A lease is half a minute on this clock, a lost worker's patience three seconds.
    job = stack.wait(asked["job_id"], within=25)

    assert (job["state"], job["attempt"]) == ("succeeded", 2)


def test_a_worker_that_is_asked_to_stop_gives_its_job_back(stack: Stack, commit: Commit) -> None:
    """A stop in mid-job counts nothing: the job is queued again at once, and the next worker ends it."""
    source = stack.folder / "source"
    commit(source, package(300))
    stack.start_plane()
    first = stack.start_worker()
    asked = stack.submit(source, epochs=_LONG)
    _in_training(stack, asked["job_id"])

    first.stop()
    waiting = stack.job(asked["job_id"])
    left = _scratch(stack)
    stack.start_worker()
    job = stack.wait(asked["job_id"])

    assert first.exit_code == 0
    assert (waiting["state"], waiting["reason"]) == ("queued", "worker_stopping")
    assert job["state"] == "succeeded"
    assert stack.rows("select rescues, failures from pharos.jobs") == [(0, 0)]
    assert left == []


def test_a_running_job_can_be_cancelled(stack: Stack, commit: Commit) -> None:
    """A cancelled job stops within seconds and shows nothing of what it did; what was visible before it stays."""
    source, other = stack.folder / "source", stack.folder / "other"
    commit(source, package(300))
    commit(other, package(5))
    stack.start_plane()
    stack.start_worker()
    first = stack.submit(source)
    stack.wait(first["job_id"])
    asked = stack.submit(source, epochs=_LONG)
    _in_training(stack, asked["job_id"])

    answer = stack.http.delete(f"/api/v1/jobs/{asked['job_id']}")
    job = stack.wait(asked["job_id"], within=10)
    after = stack.wait(stack.submit(other)["job_id"])

    assert answer.status_code in {200, 202}
    assert (job["state"], job["reason"]) == ("cancelled", "cancel_requested")
    assert after["state"] == "succeeded"
    assert stack.rows("select generation, files from pharos.repositories where files = 301") == [(1, 301)]
    assert _points(stack, "alienware", first["repository_id"]) == 301


def test_a_stopped_stack_leaves_no_scratch(stack: Stack, commit: Commit) -> None:
    """What a killed worker left in its scratch space is swept by the next one."""
    source = stack.folder / "source"
    commit(source, package(300))
    stack.start_plane()
    first = stack.start_worker()
    asked = stack.submit(source, epochs=_LONG)
    _in_training(stack, asked["job_id"])
    left = _scratch(stack)

    kill(first)
    stack.start_worker()
    stack.wait(asked["job_id"])

    now = _scratch(stack)
    assert len(left) == len(now) == 1
    assert left != now
