"""What is wrong with a request or a repository is said, recorded, and changes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pharos.stack.postgres import EmbeddedPostgres
from pharos.stack.redis import EmbeddedRedis
from tests.acceptance.conftest import Commit, package
from tests.acceptance.stack import Stack


def _failed(stack: Stack, repository: Path) -> tuple[str, str]:
    job = stack.wait(stack.submit(repository)["job_id"])
    assert stack.rows("select count(*) from pharos.files") == [(0,)]
    return job["state"], job["reason"]


def test_a_repository_that_does_not_exist(stack: Stack) -> None:
    """A path with no repository ends the job as failed, and the worker goes on."""
    stack.start_plane()
    stack.start_worker()

    ended = _failed(stack, stack.folder / "nowhere")

    assert ended == ("failed", "repository_not_found")
    status = stack.until(
        lambda: stack.http.get("/api/v1/ingestion/worker/status").json()["data"]["status"],
        lambda status: status.startswith("Error: "),
    )
    assert "nowhere" in status


def test_an_empty_repository(stack: Stack, commit: Commit) -> None:
    """A repository without a commit ends the job as failed, with that reason."""
    source = stack.folder / "empty"
    commit(source, {"a.py": ""})
    shutil.rmtree(source / ".git" / "refs" / "heads")
    (source / ".git" / "refs" / "heads").mkdir()
    stack.start_plane()
    stack.start_worker()

    assert _failed(stack, source) == ("failed", "repository_empty")


def test_a_repository_of_broken_files_alone(stack: Stack, commit: Commit) -> None:
    """When no source file can be parsed the job fails and says how many there were."""
    source = stack.folder / "broken"
    commit(source, {"a.py": ")]}" * 50, "b.py": "\0\1\2" * 100})
    stack.start_plane()
    stack.start_worker()

    job = stack.wait(stack.submit(source)["job_id"])

    assert (job["state"], job["reason"]) == ("failed", "nothing_to_index")
    assert "None of 2 source files" in job["detail"]


def test_a_repository_without_sources(stack: Stack, commit: Commit) -> None:
    """A repository with no file of a known language ends the job as failed, with that reason."""
    source = stack.folder / "words"
    commit(source, {"README.md": "words"})
    stack.start_plane()
    stack.start_worker()

    assert _failed(stack, source) == ("failed", "no_source_files")


def test_a_disk_without_room(stack: Stack, commit: Commit) -> None:
    """A scratch disk without room makes the job wait uncounted, and what was written there is gone."""
    source = stack.folder / "source"
    commit(source, package(10))
    stack.start_plane()
    stack.start_worker(PHAROS_MIN_FREE_MB=str(2**30))

    asked = stack.submit(source)
    job = stack.until(lambda: stack.job(asked["job_id"]), lambda job: job["reason"] is not None)

    assert (job["state"], job["reason"]) == ("queued", "disk_full")
    assert stack.rows("select failures, run_after > clock_timestamp() from pharos.jobs") == [(0, True)]
    assert list((stack.folder / "work-alienware").glob("*/job_*")) == []


def test_a_full_queue(stack: Stack, commit: Commit) -> None:
    """With no worker there, the eleventh waiting job is refused with 429, its cap, and when to come back."""
    sources = [stack.folder / f"source{number}" for number in range(11)]
    stack.start_plane()

    answers = [stack.http.post("/api/v1/ingestion/ingest", json={"url": str(source)}) for source in sources]

    assert [answer.status_code for answer in answers] == [202] * 10 + [429]
    body = answers[-1].json()
    assert (body["error"]["code"], body["status"]) == ("QUEUE_FULL", 429)
    assert int(answers[-1].headers["retry-after"]) > 0


def test_postgres_that_is_down(tmp_path: Path, servers_folder: Path, redis_server: EmbeddedRedis) -> None:
    """Without the ledger a submit is 503 and says that nothing was recorded, and /health still answers."""
    with EmbeddedPostgres(servers_folder / "postgres-that-stops", durable=False) as server:
        stack = Stack(tmp_path, server, redis_server.url)
        try:
            stack.start_plane()
            stack.until(
                lambda: stack.http.get("/health").json()["data"]["parts"]["postgres"]["state"],
                lambda state: state == "connected",
            )
            server.stop()
            refused = stack.http.post("/api/v1/ingestion/ingest", json={"url": str(tmp_path / "a")})
            health = stack.http.get("/health")
        finally:
            stack.close()

    assert refused.status_code == 503
    assert refused.json()["error"]["code"] == "LEDGER_UNAVAILABLE"
    assert "Nothing was recorded" in refused.json()["detail"]
    assert int(refused.headers["retry-after"]) > 0
    assert (health.status_code, health.json()["data"]["status"]) == (200, "down")


@pytest.mark.parametrize(
    ("path", "token", "status", "code"),
    [
        ("file:///etc/passwd", "good", 400, "INVALID_REPOSITORY"),
        ("https://127.0.0.1/a/b", "good", 400, "INVALID_REPOSITORY"),
        ("https://user:secret@github.com/a/b", "good", 400, "INVALID_REPOSITORY"),
        ("/etc", "good", 400, "INVALID_REPOSITORY"),
        ("https://github.com/a/b", "wrong", 401, "UNAUTHORIZED"),
    ],
)
def test_a_request_that_cannot_be_taken(stack: Stack, path: str, token: str, status: int, code: str) -> None:
    """A wrong address is 400 and a wrong token 401, in both forms of the request, and nothing is queued."""
    stack.start_plane()
    headers = {} if token == "good" else {"Authorization": "Bearer not-the-token-at-all"}

    by_body = stack.http.post("/api/v1/ingestion/ingest", json={"url": path}, headers=headers)
    by_path = stack.http.post(f"/api/v1/ingestion/ingest/{path}", headers=headers)

    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in (by_body, by_path)] == [
        (status, code)
    ] * 2
    assert "secret" not in by_body.text + by_path.text + stack.logs()
    assert stack.rows("select count(*) from pharos.jobs") == [(0,)]
