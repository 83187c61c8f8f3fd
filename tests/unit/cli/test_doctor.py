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
from pharos.stack.ports import free_port
from pharos.target import Target
from shared.errors import Unavailable
from tests.unit.cli.conftest import Pharos
from tests.unit.cli.recorded_plane import RecordedPlane, health, play_status


def check(look: object) -> Check:
    return Check(group="g", name="n", look=look, fix="mend it")  # type: ignore[arg-type]  # some do not return


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

    finding = look_at_clock(Target(url=recorded.url, token="t", source="test"))

    assert finding.grade == grade


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
    assert {row["name"] for row in rows} >= {"Python", "git", "GPU", "disk", "vectors", "reachable", "token", "clock"}


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
