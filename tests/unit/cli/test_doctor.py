"""The doctor."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from pharos.doctor.check import Check, Finding, run_checks
from pharos.doctor.plane import look_at_clock
from pharos.doctor.stores import look_at_folder
from pharos.doctor.ways import look_at_lines, look_at_mailbox
from pharos.stack.ports import free_port
from pharos.target import Target
from shared.errors import Unavailable
from tests.unit.cli.conftest import Pharos
from tests.unit.cli.recorded_plane import RecordedPlane, echo, health, play_status, worker


def check(look: object) -> Check:
    return Check(group="g", name="n", look=look, fix="mend it")  # type: ignore[arg-type]  # some do not return


def target(recorded: RecordedPlane) -> Target:
    return Target(url=recorded.url, token="t", source="test")


def test_late_check_fails() -> None:
    """A check that hangs fails when its time is over, and the others' findings stand."""
    never = threading.Event()
    good = Finding(grade="OK", found="well")

    findings = run_checks([check(never.wait), check(lambda: good)], limit=0.2)
    never.set()

    assert findings[0].grade == "FAIL"
    assert findings[0].fix == "mend it"
    assert findings[1] == good


def test_failed_check_says_why() -> None:
    """An error of Pharos is a failure with its message; any other is named by its kind alone."""

    def refuse() -> Finding:
        raise Unavailable("It is away.")

    def break_down() -> Finding:
        raise ValueError("with a secret in it")

    findings = run_checks([check(refuse), check(break_down)])

    assert findings[0].found == "It is away."
    assert "ValueError" in findings[1].found
    assert "secret" not in findings[1].found


@pytest.mark.parametrize(("skew", "grade"), [(0, "OK"), (30, "WARN"), (-30, "WARN"), (120, "FAIL"), (-120, "FAIL")])
def test_clock_skew(recorded: RecordedPlane, skew: int, grade: str) -> None:
    """A clock that is half a minute off is a warning, two minutes a failure."""
    recorded.date = format_datetime(datetime.now(UTC) + timedelta(seconds=skew), usegmt=True)
    recorded.play("GET", "/health", health())

    finding = look_at_clock(target(recorded))

    assert finding.grade == grade


def test_a_line_that_answers(recorded: RecordedPlane) -> None:
    """A worker that says a text again over its line is well, and how fast it was is told."""
    recorded.play("GET", "/api/v1/workers", [worker("alienware")])
    recorded.play("POST", "/api/v1/workers/echo", echo("alienware"))

    finding = look_at_lines(target(recorded))

    assert finding == Finding(grade="OK", found="alienware answers over its line in 21 ms")
    assert recorded.asked[-1].body == {"seconds": 2.0}


@pytest.mark.parametrize(
    ("line", "found", "fix"),
    [
        ("buffered", "rig's line is held back by a proxy; ", "set NO_PROXY=127.0.0.1 for the worker on rig"),
        ("cut", "rig's line is cut again and again; ", "set NO_PROXY=127.0.0.1 for the worker on rig"),
        ("closed", "rig holds no line; ", "look for line_not_held in the worker's log on rig"),
    ],
)
def test_a_line_that_is_disturbed(recorded: RecordedPlane, line: str, found: str, fix: str) -> None:
    """Each worker whose line does not work is named, with what that costs and what mends it."""
    recorded.play("GET", "/api/v1/workers", [worker("alienware"), worker("rig", line=line)])
    recorded.play("POST", "/api/v1/workers/echo", echo("alienware"))

    finding = look_at_lines(target(recorded))

    assert finding.grade == "WARN"
    assert finding.found == (
        f"alienware answers over its line in 21 ms. {found}orders come with heartbeats, up to 20 s late"
    )
    assert finding.fix == fix


def test_who_answers_has_a_line(recorded: RecordedPlane) -> None:
    """A worker whose last heartbeat was before its line is not warned of once it has answered."""
    recorded.play("GET", "/api/v1/workers", [worker("rig", line="closed"), worker("gone", state="offline")])
    recorded.play("POST", "/api/v1/workers/echo", echo("rig"))

    assert look_at_lines(target(recorded)).grade == "OK"


def test_nobody_holds_a_line(recorded: RecordedPlane) -> None:
    """Without any line there is a warning, since everything works without, only later."""
    recorded.play("GET", "/api/v1/workers", [worker("rig", line="buffered")])
    recorded.refuse("POST", "/api/v1/workers/echo", 503, "NO_WORKER", "No worker holds a line.")

    finding = look_at_lines(target(recorded))

    assert finding.grade == "WARN"
    assert finding.found.startswith("rig's line is held back by a proxy")


def test_nobody_is_there(recorded: RecordedPlane) -> None:
    """Without a worker nobody is asked anything."""
    recorded.play("GET", "/health", health())
    recorded.play("GET", "/api/v1/workers", [worker("rig", state="left")])

    lines, mailbox = look_at_lines(target(recorded)), look_at_mailbox(target(recorded))

    assert (lines.grade, lines.found) == ("WARN", "no worker is there")
    assert mailbox.grade == "OK"
    assert {one.method for one in recorded.asked} == {"GET"}


def test_a_worker_that_does_not_answer(recorded: RecordedPlane) -> None:
    """A line that is open and brings nothing back is a failure."""
    recorded.play("GET", "/api/v1/workers", [worker("rig")])
    recorded.refuse("POST", "/api/v1/workers/echo", 504, "NOT_ANSWERED", "rig.1 did not answer in time.")

    findings = run_checks([check(lambda: look_at_lines(target(recorded)))])

    assert (findings[0].grade, findings[0].found) == ("FAIL", "rig.1 did not answer in time.")


@pytest.mark.parametrize(
    ("transports", "grade", "found"),
    [
        (("tcp",), "OK", "w0 over TCP"),
        (("rest",), "OK", "w0 over REST"),
        (("tcp", "rest"), "OK", "w0 over TCP; w1 over REST, while others come by TCP: is port 6379 blocked there?"),
        (("unix",), "OK", "w0 over a socket"),
        ((None,), "WARN", "w0 does not reach it; it looks in the ledger when it is told to"),
    ],
    ids=["tcp", "rest", "mixed", "socket", "none"],
)
def test_ways_to_the_mailbox(
    recorded: RecordedPlane, transports: tuple[str | None, ...], grade: str, found: str
) -> None:
    """Each worker says how it reaches Redis; one that does not is a warning."""
    recorded.play("GET", "/health", health())
    workers = [worker(f"w{number}", transport=one) for number, one in enumerate(transports)]
    recorded.play("GET", "/api/v1/workers", workers)

    finding = look_at_mailbox(target(recorded))

    assert (finding.grade, finding.found) == (grade, found)


def test_no_mailbox_at_all(recorded: RecordedPlane) -> None:
    """Without Redis nothing is wrong."""
    recorded.play("GET", "/health", {"status": "ok", "parts": {"redis": {"state": "off"}}})
    recorded.play("GET", "/api/v1/workers", [worker("rig", transport=None)])

    assert look_at_mailbox(target(recorded)).grade == "OK"


def test_unwritable_folder(tmp_path: Path) -> None:
    """A folder that cannot be made is a failure with a command."""
    blocked = tmp_path / "file"
    blocked.write_text("")

    finding = look_at_folder(blocked / "lancedb")

    assert finding.grade == "FAIL"
    assert finding.fix is not None


def test_doctor_json(pharos: Pharos, recorded: RecordedPlane) -> None:
    """The keys of ``doctor --json`` are a promise; a healthy machine is exit code 0."""
    play_status(recorded)

    result = pharos("doctor", "--json")

    rows = json.loads(result.stdout)
    assert result.exit_code == 0, rows
    assert all(list(row) == ["group", "name", "grade", "found", "fix"] for row in rows)
    names = {"Python", "git", "GPU", "disk", "vectors", "reachable", "token", "clock", "line", "mailbox"}
    assert {row["name"] for row in rows} >= names


def test_doctor_finds_what_is_away(pharos: Pharos) -> None:
    """What does not answer is a failure with a way to mend it, and the exit code says so."""
    nowhere = f"127.0.0.1:{free_port()}"

    result = pharos(
        "doctor",
        PHAROS_CONTROL_URL=f"http://{nowhere}",
        PHAROS_REDIS_URL=f"redis://:hidden-password@{nowhere}/0",
        PHAROS_DATABASE_URL=f"postgresql://pharos_app:hidden-password@{nowhere}/pharos",
    )

    lines = result.stdout.splitlines()
    assert result.exit_code == 1
    for name in ("reachable", "Redis", "Postgres (app)"):
        assert any(line.strip().startswith("FAIL") and name in line for line in lines), result.stdout
    assert "fix: " in result.stdout
    assert "hidden-password" not in result.output
