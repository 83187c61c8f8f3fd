"""The machine: figures for the heartbeat, and a driver that hangs holds nothing up."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from edge_twins import Clock, eventually

from edge_worker import machine
from edge_worker.machine import GpuWatch, read_gpus
from shared.nodes.heartbeat import Gpu

_RTX = Gpu(name="NVIDIA RTX 3000 Ada, Laptop", use=0.37, memory_used_mib=1200, memory_mib=8188)


@pytest.mark.parametrize(
    ("text", "gpus"),
    [
        ("NVIDIA RTX 3000 Ada, Laptop, 37, 1200, 8188\n", (_RTX,)),
        (
            "Orin (nvgpu), [N/A], [N/A], [N/A]\n",
            (Gpu(name="Orin (nvgpu)", use=None, memory_used_mib=0, memory_mib=0),),
        ),
        (
            "A, 250, 1, 2\nB, 0, 0, 2\n",
            (Gpu(name="A", use=1.0, memory_used_mib=1, memory_mib=2), Gpu(name="B", use=0, memory_mib=2)),
        ),
        ("No devices were found\n", ()),
        ("", ()),
    ],
    ids=["one", "unknown", "two", "none", "nothing"],
)
def test_what_the_driver_writes_is_read(text: str, gpus: tuple[Gpu, ...]) -> None:
    """A line is a GPU; a figure that the driver does not know is not made up."""
    assert read_gpus(text) == gpus


def test_as_many_gpus_as_a_heartbeat_holds() -> None:
    """A machine with more GPUs than a heartbeat holds tells of the first ones."""
    assert len(read_gpus("A, 1, 1, 1\n" * 40)) == 16


def _says(text: str, *, count: Path | None = None) -> tuple[str, ...]:
    note = f"open({str(count)!r}, 'a').write('x'); " if count is not None else ""
    return (sys.executable, "-c", f"{note}print({text!r})")


def test_gpus_are_looked_at_beside_the_heartbeat() -> None:
    """The first look says nothing yet; a later one says what the driver said."""
    watch = GpuWatch(command=_says("A, 50, 1, 2"))

    first = watch.look()

    assert first == ()
    eventually(watch.look)
    assert watch.look()[0].use == 0.5


def test_the_driver_is_not_asked_all_the_time(tmp_path: Path) -> None:
    """However often a heartbeat is sent, the driver is asked once in fifteen seconds."""
    clock, count = Clock(), tmp_path / "count"
    watch = GpuWatch(command=_says("A, 50, 1, 2", count=count), clock=clock)
    eventually(watch.look)
    for _ in range(20):
        watch.look()
    before = count.read_text()

    clock.now += 15
    watch.look()

    assert before == "x"
    eventually(lambda: count.read_text() == "xx")


def test_a_driver_that_hangs_holds_nothing_up() -> None:
    """While the driver does not answer a look returns at once, and what it said long ago is not told any more."""
    clock = Clock()
    watch = GpuWatch(command=_says("A, 50, 1, 2"), clock=clock)
    eventually(watch.look)
    watch._command = (sys.executable, "-c", "import time; time.sleep(3)")

    clock.now += 16
    began = time.monotonic()
    recent = watch.look()
    clock.now += 60
    late = watch.look()

    assert time.monotonic() - began < 1.0
    assert len(recent) == 1
    assert late == ()


@pytest.mark.parametrize("command", [("/nowhere/nvidia-smi",), (sys.executable, "-c", "raise SystemExit(9)")])
def test_a_machine_without_a_driver_has_no_figures(command: tuple[str, ...]) -> None:
    """A program that is missing or fails leaves the heartbeat without GPUs, and is asked again later."""
    clock = Clock()
    watch = GpuWatch(command=command, clock=clock)
    watch.look()
    eventually(lambda: not watch._asking)

    assert watch.look() == ()


def test_load_is_told_for_each_core() -> None:
    """Load is a figure that does not depend on how many cores there are."""
    assert 0 <= machine.load() < 1000


@pytest.mark.parametrize(
    ("percent", "plugged", "told"),
    [
        (50, True, ("mains", 0.5)),
        (101.5, True, ("mains", 1.0)),
        (7, False, ("battery", 0.07)),
        (30, None, (None, 0.3)),
    ],
    ids=["plugged", "overfull", "unplugged", "unknown"],
)
def test_power_is_what_the_system_says(
    monkeypatch: pytest.MonkeyPatch, percent: float, plugged: bool | None, told: tuple[str | None, float]
) -> None:
    """A battery is told with its charge, from 0 to 1."""

    class Battery:
        power_plugged = plugged

    Battery.percent = percent  # type: ignore[attr-defined]
    monkeypatch.setattr(machine.psutil, "sensors_battery", Battery, raising=False)

    assert machine.power() == told


def test_a_machine_without_a_battery_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a desktop nor a system that has no such call makes power up."""
    monkeypatch.setattr(machine.psutil, "sensors_battery", lambda: None, raising=False)
    desktop = machine.power()
    monkeypatch.delattr(machine.psutil, "sensors_battery")

    assert desktop == machine.power() == (None, None)


def test_memory_is_that_of_all_processes() -> None:
    """Every process counts, and one that is gone counts nothing."""
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    alone = machine.memory([os.getpid()])

    assert alone > 0
    assert machine.memory([os.getpid(), gone.pid]) >= alone - 5
    assert machine.memory([gone.pid]) == 0
