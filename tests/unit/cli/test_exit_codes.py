"""Exit codes and messages of the command line."""

from __future__ import annotations

import pytest

from pharos.stack.ports import free_port
from tests.unit.cli.conftest import Pharos
from tests.unit.cli.recorded_plane import JOB_ID, RecordedPlane, accepted, job, play_status

JOB = f"/api/v1/jobs/{JOB_ID}"


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (401, "UNAUTHORIZED", 3),
        (403, "FORBIDDEN", 3),
        (404, "NOT_FOUND", 4),
        (422, "VALIDATION_FAILED", 2),
        (429, "QUEUE_FULL", 75),
        (500, "INTERNAL", 1),
        (503, "LEDGER_UNAVAILABLE", 75),
        (503, "UNAVAILABLE", 75),
    ],
)
def test_answer_decides_exit_code(
    pharos: Pharos, recorded: RecordedPlane, status: int, code: str, exit_code: int
) -> None:
    """What the control plane answers decides the exit code, and its message is all that is said."""
    recorded.refuse("GET", JOB, status, code, "That is what happened.")

    result = pharos("jobs", "show", JOB_ID)

    assert result.exit_code == exit_code
    assert result.stderr == "pharos: That is what happened.\n"
    assert result.stdout == ""


def test_validation_names_the_value(pharos: Pharos, recorded: RecordedPlane) -> None:
    """A value that the plane refuses is named."""
    recorded.refuse("GET", JOB, 422, "VALIDATION_FAILED", "A value is wrong.", where="path.job_id", what="too long")

    result = pharos("jobs", "show", JOB_ID)

    assert "(path.job_id: too long)" in result.stderr


def test_unreachable(alone: Pharos) -> None:
    """A plane that does not listen is exit code 5, and the message says what happened and what to do."""
    result = alone("status", PHAROS_CONTROL_URL=f"http://127.0.0.1:{free_port()}", PHAROS_ADMIN_TOKEN="x" * 16)

    assert result.exit_code == 5
    assert "does not answer (ConnectError). Nothing was changed." in result.stderr
    assert "pharos doctor" in result.stderr


def test_answer_of_something_else(pharos: Pharos, recorded: RecordedPlane) -> None:
    """An address that answers, but is no control plane, is exit code 5."""
    recorded.play_raw("GET", JOB, 200, b"<html>hello</html>", "text/html")

    result = pharos("jobs", "show", JOB_ID)

    assert result.exit_code == 5
    assert "not from Pharos" in result.stderr


def test_no_plane_known(alone: Pharos) -> None:
    """Where no plane is known, that is a missing setting, and the message names the command that starts one."""
    result = alone("status")

    assert result.exit_code == 78
    assert "pharos up" in result.stderr


def test_no_token(alone: Pharos, recorded: RecordedPlane) -> None:
    """Without a token nothing is sent, and the exit code says not signed in."""
    result = alone("status", PHAROS_CONTROL_URL=recorded.url)

    assert result.exit_code == 3
    assert recorded.asked == []


@pytest.mark.parametrize(
    "arguments", [["frobnicate"], ["submit"], ["jobs", "--state", "lost"], ["jobs", "--limit", "0"]]
)
def test_usage(pharos: Pharos, arguments: list[str]) -> None:
    """A command line that cannot be meant is exit code 2."""
    assert pharos(*arguments).exit_code == 2


@pytest.mark.parametrize("command", ["cloud", "worker"])
def test_missing_setting(alone: Pharos, command: str) -> None:
    """A process without its settings ends with 78 and one line that names a variable."""
    result = alone(command)

    assert result.exit_code == 78
    assert "PHAROS_WORKER_TOKEN is not set" in result.stderr


def test_missing_owner(alone: Pharos) -> None:
    """The ledger cannot be made without its owner's URL."""
    result = alone("db", "init")

    assert result.exit_code == 78
    assert "PHAROS_OWNER_DATABASE_URL is not set" in result.stderr


@pytest.mark.parametrize(("status", "exit_code"), [("ok", 0), ("degraded", 1), ("down", 1)])
def test_status_tells_how_it_is(pharos: Pharos, recorded: RecordedPlane, status: str, exit_code: int) -> None:
    """``status`` succeeds only when all is well."""
    play_status(recorded, status=status)

    assert pharos("status").exit_code == exit_code


@pytest.mark.parametrize(("state", "exit_code"), [("succeeded", 0), ("failed", 1), ("cancelled", 1), ("skipped", 1)])
def test_wait_tells_how_it_ended(pharos: Pharos, recorded: RecordedPlane, state: str, exit_code: int) -> None:
    """``submit --wait`` succeeds only when the job did."""
    recorded.play("POST", "/api/v1/ingestion/ingest", accepted(), status=202)
    recorded.play("GET", JOB, job(state=state, detail="because"))

    assert pharos("submit", "acme/api", "--wait").exit_code == exit_code
