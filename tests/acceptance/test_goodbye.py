"""A goodbye differs from a loss: going to sleep keeps the job in hand, and too old says what to run."""

from __future__ import annotations

import signal
from typing import Any

import psutil
import psycopg
import pytest

from tests.acceptance.conftest import Commit, package
from tests.acceptance.stack import Stack

_LONG = 100


def _worker(stack: Stack) -> dict[str, Any]:
    answer = stack.http.get("/api/v1/workers/alienware")
    return dict(answer.json()["data"] or {}) if answer.status_code == 200 else {}


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="a signal of its own")
def test_a_worker_that_goes_to_sleep_says_so_and_keeps_its_job(stack: Stack, commit: Commit) -> None:
    """Told of a sleep, a worker is shown as asleep with its job, which it ends by itself in the same attempt."""
    source = stack.folder / "source"
    commit(source, package(400))
    stack.start_plane()
    worker = stack.start_worker()
    asked = stack.submit(source, epochs=_LONG)
    stack.wait(asked["job_id"], "running")
    process = psutil.Process(worker.pid)

    process.send_signal(signal.SIGUSR1)
    asleep = stack.until(lambda: _worker(stack), lambda seen: seen["state"] == "left")
    back = stack.until(lambda: _worker(stack), lambda seen: seen["state"] != "left")
    job = stack.wait(asked["job_id"])

    assert asleep["why"] == "going to sleep"
    assert [attempt["job_id"] for attempt in asleep["attempts"]] == [asked["job_id"]]
    assert back["state"] == "working"
    assert (job["state"], job["attempt"]) == ("succeeded", 1)


def test_a_worker_of_another_schema_is_refused_and_shown(stack: Stack) -> None:
    """A worker whose ledger was made for another version ends with 78 and what to run, and the plane shows it so."""
    stack.start_plane()
    _set_schema(stack, 9999)

    worker = stack.start_worker()
    code = psutil.Process(worker.pid).wait(60)
    shown = stack.until(lambda: _worker(stack), lambda seen: seen.get("state") == "too_old")
    said = "\n".join(path.read_text() for path in stack.folder.glob("*edge_worker.log"))

    assert code == 78
    assert "The ledger has schema 9999" in said
    assert shown["why"]


def _set_schema(stack: Stack, version: int) -> None:
    with psycopg.connect(stack._postgres.owner_url(stack.database), autocommit=True) as link:
        link.execute("insert into pharos.migrations (version, name, checksum) values (%s, 'later', 'none')", (version,))
