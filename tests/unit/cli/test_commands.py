"""What the commands ask the control plane, and what they show of its answers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pharos.stack.processes import CHECKOUT
from tests.unit.cli.conftest import TOKEN, Pharos
from tests.unit.cli.recorded_plane import (
    JOB_ID,
    REPOSITORY_ID,
    RecordedPlane,
    accepted,
    file,
    job,
    play_status,
    repository,
    waiting,
)

INGEST = "/api/v1/ingestion/ingest"
FILES = f"/api/v1/repositories/{REPOSITORY_ID}"


def test_submit_asks_for_what_was_said(pharos: Pharos, recorded: RecordedPlane) -> None:
    """Every option of ``submit`` arrives, under an idempotency key and the token."""
    recorded.play("POST", INGEST, accepted(), status=202)

    options = ["--ref", "main", "--epochs", "3", "--force", "--priority", "high", "--gpu"]
    options += ["--preset", "fast", "--method", "prone", "--include", "vendored", "--include", "generated"]
    result = pharos("submit", "acme/api", *options)

    asked = recorded.asked[0]
    wanted = {"url": "acme/api", "ref": "main", "epochs": 3, "force": True, "priority": "high", "needs": {"gpu": True}}
    wanted |= {"preset": "fast", "method": "prone", "include": ["vendored", "generated"]}
    assert asked.body == wanted
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert len(asked.headers["idempotency-key"]) > 30
    assert result.stdout == f"{JOB_ID}\n"
    assert "place 2 in the queue" in result.stderr


def test_submit_asks_for_every_need(pharos: Pharos, recorded: RecordedPlane) -> None:
    """Needs that are named arrive; those that are not stay out."""
    recorded.play("POST", INGEST, accepted(), status=202)

    pharos("submit", "acme/api", "--gpu-memory", "6", "--memory", "16", "--model", "bge-small", "--node", "rig")

    wanted = {"gpu": False, "gpu_memory": 6, "memory": 16, "model": "bge-small", "node": "rig"}
    assert recorded.asked[0].body["needs"] == wanted


def test_submit_says_where_and_when_it_will_run(pharos: Pharos, recorded: RecordedPlane) -> None:
    """The reason and what would help stand under the place."""
    recorded.play("POST", INGEST, accepted(waiting=waiting()), status=202)

    said = pharos("submit", "acme/api").stderr

    assert (
        "alienware went to sleep 40 min ago. The job starts by itself when alienware is back.\nWake alienware." in said
    )


def test_wait_tells_each_reason_once(pharos: Pharos, recorded: RecordedPlane) -> None:
    """``--wait`` says why nothing happens, and says it anew only when it is another reason."""
    recorded.play("POST", INGEST, accepted(), status=202)
    asleep = [waiting(), waiting(text="alienware went to sleep 41 min ago.")]
    starting = waiting(code="starting", text="alienware is free and takes it now.", action=None)
    for reason in (*asleep, starting):
        recorded.play("GET", f"/api/v1/jobs/{JOB_ID}", job(state="queued", position=2, waiting=reason))
    recorded.play("GET", f"/api/v1/jobs/{JOB_ID}", job())

    said = pharos("submit", "acme/api", "--wait").stderr

    assert said.count("went to sleep") == 1
    assert "  alienware is free and takes it now." in said


def test_submit_folder(pharos: Pharos, recorded: RecordedPlane, tmp_path: Path) -> None:
    """A folder is submitted by its absolute path."""
    recorded.play("POST", INGEST, accepted(), status=202)

    pharos("submit", f"{tmp_path}/../{tmp_path.name}")

    assert recorded.asked[0].body["url"] == str(tmp_path)


def test_submit_says_that_it_waited_already(pharos: Pharos, recorded: RecordedPlane) -> None:
    """Work that was waiting already is not announced as new."""
    recorded.play("POST", INGEST, accepted(deduplicated=True), status=202)

    assert "waiting already" in pharos("submit", "acme/api").stderr


def test_wait_shows_each_stage_once(pharos: Pharos, recorded: RecordedPlane) -> None:
    """Away from a terminal ``--wait`` tells each stage in one line, and the figures at the end are the job's."""
    recorded.play("POST", INGEST, accepted(), status=202)
    for progress in ({"stage": "fetch", "done": 0, "total": 0}, {"stage": "fetch", "done": 1, "total": 2}):
        recorded.play("GET", f"/api/v1/jobs/{JOB_ID}", job(state="running", progress=progress))
    recorded.play("GET", f"/api/v1/jobs/{JOB_ID}", job())

    result = pharos("submit", "acme/api", "--wait")

    assert result.stderr.count("fetch") == 1
    assert result.stdout == f"{JOB_ID} succeeded: 77 files, 278 edges, 0.8 s\n"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_interrupted_wait_leaves_the_job(recorded: RecordedPlane, tmp_path: Path) -> None:
    """Ctrl-C during ``--wait`` leaves the job running, says so, and names the command that would stop it."""
    recorded.play("POST", INGEST, accepted(), status=202)
    recorded.play("GET", f"/api/v1/jobs/{JOB_ID}", job(state="running", progress=None))
    environment = {"PHAROS_CONTROL_URL": recorded.url, "PHAROS_ADMIN_TOKEN": TOKEN, "XDG_CONFIG_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "pharos", "submit", "acme/api", "--wait"]
    # A shell in the background has its children ignore Ctrl-C; whom this test asks must not inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    with subprocess.Popen(command, cwd=CHECKOUT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        signal.signal(signal.SIGINT, before)
        assert process.stderr is not None
        while "running" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()

    assert process.returncode == 130
    assert f"The job goes on without you. Look: pharos jobs show {JOB_ID}" in said
    assert {asked.method for asked in recorded.asked} == {"POST", "GET"}


def test_json_is_the_answer(pharos: Pharos, recorded: RecordedPlane) -> None:
    """``--json`` puts out what the API answers, and nothing else."""
    recorded.play("GET", f"/api/v1/jobs/{JOB_ID}", job())

    result = pharos("jobs", "show", JOB_ID, "--json")

    assert json.loads(result.stdout) == job()
    assert result.stderr == ""


def test_status_json_keys(pharos: Pharos, recorded: RecordedPlane) -> None:
    """The keys of ``status --json`` are a promise."""
    play_status(recorded)

    found = json.loads(pharos("status", "--json").stdout)

    assert list(found) == ["url", "health", "worker_status", "workers", "jobs", "usage"]


def test_status_in_lines(pharos: Pharos, recorded: RecordedPlane) -> None:
    """``status`` fits in twelve lines and names the plane, the worker and the job."""
    play_status(recorded)

    lines = pharos("status").stdout.splitlines()

    assert len(lines) <= 12
    assert lines[0].startswith("control plane  ok  http://127.0.0.1:")
    assert any(line.startswith("local") and "494 MiB" in line for line in lines)
    assert any(line.startswith(JOB_ID) for line in lines)


def test_jobs_filters(pharos: Pharos, recorded: RecordedPlane) -> None:
    """The filters of ``jobs`` are the API's."""
    recorded.play("GET", "/api/v1/jobs", [job(state="failed")])

    result = pharos("jobs", "--state", "failed", "--kind", "ingest", "--limit", "7")

    assert recorded.asked[0].query == {"state": ["failed"], "kind": ["ingest"], "limit": ["7"]}
    assert "failed" in result.stdout


def test_cancel(pharos: Pharos, recorded: RecordedPlane) -> None:
    """A running job that is cancelled is shown as on its way out."""
    recorded.play("DELETE", f"/api/v1/jobs/{JOB_ID}", job(state="running"))

    assert pharos("jobs", "cancel", JOB_ID).stdout == f"{JOB_ID} cancelling\n"


def test_jobs_say_why_they_wait(pharos: Pharos, recorded: RecordedPlane) -> None:
    """The list's last column is the reason of a waiting job, or how a failed one ended."""
    failed = job(state="failed", detail="No such repository.")
    recorded.play("GET", "/api/v1/jobs", [job(state="queued", waiting=waiting()), failed, job()])

    lines = pharos("jobs").stdout.splitlines()

    assert lines[0].split()[-1] == "WHY"
    assert lines[1].endswith("The job starts by itself when alienware is back.")
    assert lines[2].endswith("No such repository.")
    assert lines[3].endswith("-")


def test_show_says_why_and_what_helps(pharos: Pharos, recorded: RecordedPlane) -> None:
    """``jobs show`` has the sentence, its code, who could, and the one thing to do with its command."""
    action = {"code": "resume_worker", "text": "Resume rig", "command": "pharos workers resume rig", "node": None}
    found = waiting(code="capable_paused", text="rig is paused.", capable=["rig"], eta_seconds=61.4, action=action)
    recorded.play("GET", f"/api/v1/jobs/{JOB_ID}", job(state="queued", result=None, waiting=found))

    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in pharos("jobs", "show", JOB_ID).stdout.splitlines()}

    assert lines["waiting"] == "rig is paused."
    assert (lines["waiting_code"], lines["capable"], lines["eta_seconds"]) == ("capable_paused", "rig", "61")
    assert lines["what_helps"] == "Resume rig: pharos workers resume rig"


def test_retry(pharos: Pharos, recorded: RecordedPlane) -> None:
    """``jobs retry`` puts out the new job, under an idempotency key, and says where it stands."""
    recorded.play("POST", f"/api/v1/jobs/{JOB_ID}/retry", accepted(job_id="job_new", retry_of=JOB_ID), status=202)

    result = pharos("jobs", "retry", JOB_ID)

    assert result.stdout == "job_new\n"
    assert len(recorded.asked[0].headers["idempotency-key"]) > 30
    assert "github.com/acme/api is queued, place 2 in the queue." in result.stderr


def test_retry_of_what_has_not_ended(pharos: Pharos, recorded: RecordedPlane) -> None:
    """The plane's refusal is the message, and the command fails."""
    path = f"/api/v1/jobs/{JOB_ID}/retry"
    recorded.refuse("POST", path, 409, "NOT_ENDED", "This job is running, so there is nothing to run again yet.")

    result = pharos("jobs", "retry", JOB_ID)

    assert result.exit_code == 1
    assert "This job is running" in result.stderr


def test_repository_is_found_on_a_later_page(pharos: Pharos, recorded: RecordedPlane) -> None:
    """A repository is found by ``owner/name`` however many there are."""
    recorded.play(
        "GET", "/api/v1/repositories", [repository("codeberg.org/x/y", id="repo_x")], cursor="codeberg.org/x/y"
    )
    recorded.play("GET", "/api/v1/repositories", [repository()])
    recorded.play("GET", f"{FILES}/similar", {"file": file("a.py"), "similar": [file("b.py", score=0.91234)]})

    result = pharos("similar", "acme/api", "./a.py", "--limit", "3")

    assert result.stdout == "SCORE  FILE\n0.912  b.py\n"
    assert recorded.asked[1].query["cursor"] == ["codeberg.org/x/y"]
    assert recorded.asked[2].query == {"path": ["a.py"], "limit": ["3"]}


def test_ambiguous_repository(pharos: Pharos, recorded: RecordedPlane) -> None:
    """A name that several repositories bear is refused, and they are named."""
    both = [repository("gitlab.com/acme/api", id="repo_1"), repository("codeberg.org/acme/api", id="repo_2")]
    recorded.play("GET", "/api/v1/repositories", both)

    result = pharos("dependents", "acme/api", "a.py")

    assert result.exit_code == 2
    assert "gitlab.com/acme/api, codeberg.org/acme/api" in result.stderr


def test_unknown_repository(pharos: Pharos, recorded: RecordedPlane) -> None:
    """A repository that is not indexed is exit code 4, with the command that indexes it."""
    recorded.play("GET", "/api/v1/repositories", [])

    result = pharos("dependencies", "acme/api", "a.py")

    assert result.exit_code == 4
    assert "pharos submit acme/api" in result.stderr


def test_dependents_by_id(pharos: Pharos, recorded: RecordedPlane) -> None:
    """An id needs no look at the list, and the depth arrives."""
    recorded.play("GET", FILES, repository())
    recorded.play(
        "GET", f"{FILES}/dependents", [{"path": "b.py", "language": "python", "depth": 2, "kinds": None, "line": None}]
    )

    result = pharos("dependents", REPOSITORY_ID, "a.py", "--depth", "2")

    assert recorded.asked[-1].query == {"path": ["a.py"], "depth": ["2"], "limit": ["1000"]}
    assert result.stdout == "STEPS  LINE  KINDS  FILE\n2      -     -      b.py\n"


def test_remove(pharos: Pharos, recorded: RecordedPlane) -> None:
    """``remove`` puts out the job that takes the vectors."""
    recorded.play("GET", "/api/v1/repositories", [repository()])
    recorded.play("DELETE", FILES, accepted(), status=202)

    assert pharos("remove", "github.com/acme/api").stdout == f"{JOB_ID}\n"


def test_names_cannot_drive_the_terminal(pharos: Pharos, recorded: RecordedPlane) -> None:
    """Control characters in a repository's file names reach no terminal."""
    recorded.play("GET", FILES, repository())
    evil = file("a\x1b[2J\x07\u202eb\ud800.py", score=0.5)
    recorded.play("GET", f"{FILES}/similar", {"file": file("a.py"), "similar": [evil]})

    result = pharos("similar", REPOSITORY_ID, "a.py")

    assert result.exit_code == 0
    assert not set("\x1b\x07\u202e") & set(result.stdout)


def test_pipe_gets_no_colour(pharos: Pharos, recorded: RecordedPlane) -> None:
    """What is piped is plain."""
    play_status(recorded)

    assert "\x1b" not in pharos("status").stdout


def test_secret_stays_out_of_output(pharos: Pharos, recorded: RecordedPlane) -> None:
    """The token appears in no output, not even that of the doctor."""
    play_status(recorded)

    for command in (["status", "--json"], ["doctor"], ["doctor", "--json"]):
        assert TOKEN not in pharos(*command).output
