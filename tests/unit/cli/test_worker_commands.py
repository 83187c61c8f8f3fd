"""``pharos workers``: who is there, and who is to pause."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.cli.conftest import Pharos
from tests.unit.cli.recorded_plane import JOB_ID, RecordedPlane

DEN = "den.0123456789ab"
WORKERS = "/api/v1/workers"


def _worker(**changes: Any) -> dict[str, Any]:
    """A worker as the API shows it."""
    return {
        "worker": DEN,
        "node": "den",
        "version": "0.1.0",
        "state": "ready",
        "since": 2400.0,
        "why": None,
        "seen_seconds_ago": 3.0,
        "attempts": [],
        "duty": {"state": "open", "note": None, "seconds_left": None, "order": None},
        "by": None,
        "wanted": None,
        "transport": "tcp",
        "line": "open",
        "power": "battery",
        "battery": 0.63,
        "memory_mib": 494,
        "capabilities": {"node": "den", "gpu": False, "cpus": 8},
    } | changes


def _duty(state: str, order: str | None = "0123", **changes: Any) -> dict[str, Any]:
    return {"state": state, "note": None, "seconds_left": None, "order": order} | changes


def _order(state: str, *, workers: list[str], message: str = "den was told over its line.") -> dict[str, Any]:
    order = {"id": "0123", "state": state, "note": None, "seconds": None}
    return {"name": "den", "order": order, "by": "admin", "workers": workers, "message": message}


def test_workers_in_lines(pharos: Pharos, recorded: RecordedPlane) -> None:
    """Each worker is a line: state, since when, what it does or why it does nothing, line, transport and power."""
    report = {"job_id": JOB_ID, "attempt": 1, "repository": "github.com/acme/api", "stage": "train"}
    paused = _duty("paused", note="gaming", seconds_left=900.0)
    found = [
        _worker(state="working", attempts=[report | {"done": 3, "total": 10}]),
        _worker(node="attic", state="left", why="going to sleep", line="closed", transport=None, power=None),
        _worker(node="cellar", state="paused", duty=paused, power="mains", battery=None),
        _worker(node="hall", wanted=_order("draining", workers=[])["order"]),
    ]
    recorded.play("GET", WORKERS, found)

    lines = [line.split() for line in pharos("workers").stdout.splitlines()]

    assert lines[0] == ["NODE", "STATE", "SINCE", "DOING", "LINE", "POWER"]
    assert " ".join(lines[1]) == "den working 40 min github.com/acme/api train 3/10 open, tcp battery 63%"
    assert " ".join(lines[2]) == "attic left 40 min going to sleep closed, no redis -"
    assert " ".join(lines[3]) == "cellar paused 40 min 15 min left: gaming open, tcp mains"
    assert " ".join(lines[4]) == "hall ready 40 min told: draining open, tcp battery 63%"


def test_nobody_was_heard(pharos: Pharos, recorded: RecordedPlane) -> None:
    """Without a worker the command that starts one is named."""
    recorded.play("GET", WORKERS, [])

    assert "pharos worker" in pharos("workers").stderr


def test_one_worker_is_shown(pharos: Pharos, recorded: RecordedPlane) -> None:
    """Everything known, and the jobs that it could take, each in one piece."""
    job = {"id": JOB_ID, "kind": "ingest", "repository": "github.com/acme/api"}
    recorded.play("GET", f"{WORKERS}/den", _worker(others=[], could_take=[job]))

    text = pharos("workers", "show", "den").stdout

    assert f"worker             {DEN}\n" in text
    assert f'could_take         ["{JOB_ID} ingest github.com/acme/api"]' in text
    assert "wanted" not in text


@pytest.mark.parametrize(
    ("verb", "state", "word"),
    [("pause", "paused", "paused"), ("drain", "draining", "draining"), ("resume", "open", "resumed")],
)
def test_an_order_is_followed_before_the_command_ends(
    pharos: Pharos, recorded: RecordedPlane, verb: str, state: str, word: str
) -> None:
    """The command looks until every worker that is there shows the order."""
    recorded.play("POST", f"{WORKERS}/den/{verb}", _order(state, workers=[DEN]), status=202)
    recorded.play("GET", WORKERS, [_worker()])
    recorded.play("GET", WORKERS, [_worker(duty=_duty(state))])

    result = pharos("workers", verb, "den", "--note", "gaming")

    assert (result.stdout, result.stderr) == (f"den {word}\n", "")
    assert recorded.asked[0].body["note"] == "gaming"
    assert [asked.method for asked in recorded.asked] == ["POST", "GET", "GET"]


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3600), ("2d", 172_800)])
def test_a_pause_has_a_length(pharos: Pharos, recorded: RecordedPlane, text: str, seconds: float) -> None:
    """A time with its unit arrives in seconds."""
    recorded.play("POST", f"{WORKERS}/den/pause", _order("paused", workers=[DEN]), status=202)
    recorded.play("GET", WORKERS, [_worker(duty=_duty("paused"))])

    pharos("workers", "pause", "den", "--for", text)

    assert recorded.asked[0].body["seconds"] == seconds


def test_a_length_without_a_unit_is_refused(pharos: Pharos, recorded: RecordedPlane) -> None:
    """A number alone is exit code 2, and nothing is asked."""
    result = pharos("workers", "pause", "den", "--for", "60")

    assert result.exit_code == 2
    assert recorded.asked == []


def test_who_is_away_is_told_later(pharos: Pharos, recorded: RecordedPlane) -> None:
    """For a worker that is away the command does not wait, and says when it will be told."""
    message = "den is away (going to sleep). It will be told when it is back."
    recorded.play("POST", f"{WORKERS}/den/pause", _order("paused", workers=[], message=message), status=202)

    result = pharos("workers", "pause", "den")

    assert (result.exit_code, result.stdout, result.stderr) == (0, "den told\n", f"{message}\n")
    assert len(recorded.asked) == 1


def test_who_does_not_follow_in_time_is_named(pharos: Pharos, recorded: RecordedPlane) -> None:
    """When patience is over the command ends, says that it is not so yet, and where to look."""
    recorded.play("POST", f"{WORKERS}/den/pause", _order("paused", workers=[DEN]), status=202)
    recorded.play("GET", WORKERS, [_worker()])

    result = pharos("workers", "pause", "den", "--wait", "0")

    assert result.stdout == "den told\n"
    assert "It has not followed yet. Look: pharos workers show den" in result.stderr


def test_json_has_the_answer_and_whether_it_is_so(pharos: Pharos, recorded: RecordedPlane) -> None:
    """``--json`` puts out what the API answers, with ``followed``."""
    recorded.play("POST", f"{WORKERS}/den/drain", _order("draining", workers=[DEN]), status=202)
    recorded.play("GET", WORKERS, [_worker(duty=_duty("draining"))])
    recorded.play("GET", f"{WORKERS}/den", _worker(others=[], could_take=[]))

    drained = json.loads(pharos("workers", "drain", "den", "--json").stdout)
    shown = json.loads(pharos("workers", "show", "den", "--json").stdout)
    listed = json.loads(pharos("workers", "--json").stdout)

    assert drained == _order("draining", workers=[DEN]) | {"followed": True}
    assert shown["could_take"] == []
    assert listed[0]["duty"]["state"] == "draining"
