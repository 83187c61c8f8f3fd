"""Points of failure: off they do nothing, armed they do it at their time, and each stands where its name says."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.faults import POINTS, Armed, arm, fault, read

ROOT = Path(__file__).parents[3]
HOUSES = ("shared", "cloud_api", "edge_worker", "pharos")
_SOURCES = {path: path.read_text() for house in HOUSES for path in sorted((ROOT / house).rglob("*.py"))}


#: Points of the compute process that are passed whenever a handler says how far it is.
_STAGES = [name.removeprefix("compute.") for name in POINTS if name.startswith("compute.") and name != "compute.done"]
_CALL = re.compile(r"(?<![\w.])fault\(([^)]*)\)")


def _calls() -> list[str]:
    texts = (text for path, text in _SOURCES.items() if path.name != "faults.py")
    return [call for text in texts for call in _CALL.findall(text)]


def test_each_point_stands_in_the_code_once() -> None:
    """What can be armed is passed by the product at one place, what a turn does too also there, and nothing else is."""
    stages = {f"compute.{stage}" for stage in _STAGES}
    once = [f'"{name}"' for name in POINTS if name not in stages]
    turn = ['"worker.popped"', '"worker.started"', '"worker.publishing"', '"worker.published"']

    assert sorted(_calls()) == sorted([*once, *turn, 'f"compute.{stage}"'])


@pytest.mark.parametrize("stage", _STAGES)
def test_each_stage_is_reported_by_a_handler(stage: str) -> None:
    """A point that is named after a stage is passed, since a handler reports that stage."""
    assert any(f'.stage("{stage}"' in text for path, text in _SOURCES.items() if "edge_worker" in path.parts)


def test_a_point_that_is_not_armed_does_nothing() -> None:
    """In production, and beside another point that is armed, nothing happens."""
    arm(None)
    fault("worker.started")
    arm("worker.popped:kill")
    fault("worker.started")
    arm(None)


@pytest.mark.parametrize(
    ("spec", "armed"),
    [
        ("worker.started:kill", {"worker.started": Armed(action="kill")}),
        ("worker.started:stop@3", {"worker.started": Armed(action="stop", time=3)}),
        (
            "worker.popped:kill, compute.done:stop",
            {"worker.popped": Armed(action="kill"), "compute.done": Armed(action="stop")},
        ),
    ],
    ids=["kill", "third-time", "two"],
)
def test_a_setting_is_read(spec: str, armed: dict[str, Armed]) -> None:
    """One setting names points, what happens there, and when."""
    assert read(spec) == armed


@pytest.mark.parametrize(
    "spec", ["worker.asleep:kill", "worker.started", "worker.started:burn", "worker.started:kill@0"]
)
def test_a_wrong_setting_is_refused(spec: str) -> None:
    """A point that does not exist would make a test pass that tests nothing."""
    with pytest.raises(ConfigurationError, match="PHAROS_FAULT_AT"):
        arm(spec)


def test_the_third_time_is_the_third_time() -> None:
    """A process dies at the point and the time that it is armed for."""
    code = """
from shared.faults import arm, fault
arm("worker.ended:kill@3")
for number in range(9):
    fault("worker.ended")
    print(number)
"""

    done = subprocess.run([sys.executable, "-uc", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == -signal.SIGKILL
    assert done.stdout.split() == ["0", "1"]
