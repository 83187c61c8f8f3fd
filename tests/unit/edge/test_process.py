"""The supervisor's end of the compute process, against children that behave as badly as one likes."""

from __future__ import annotations

import os
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from edge_twins import eventually

from edge_worker.attempt.messages import Equipment, Hello, Progress, StopTask, Tidied
from edge_worker.attempt.process import ComputeDied, ComputeProcess
from shared.errors import ConfigurationError, Transient

#: The beginning of every child: it takes its equipment and says how it may be answered.
_BEGIN = """
import json, os, subprocess, sys, time
def say(**words):
    print(json.dumps(words), flush=True)
def hello():
    say(say="hello", gpu=False, gpu_name=None, gpu_memory=0.0)
json.loads(sys.stdin.readline())
"""
Start = Callable[..., ComputeProcess]


def an_equipment(folder: Path, **changes: object) -> Equipment:
    """Return what a child is told of a worker with LanceDB in ``folder``."""
    return Equipment.model_validate(
        {
            "node": "den",
            "work_dir": folder / "work",
            "vector_store": "lancedb",
            "lancedb_path": folder / "lance",
            "qdrant_url": None,
            "qdrant_api_key": None,
            "device": "cpu",
            "git_hosts": ("github.com",),
            "local_roots": (),
            "private_hosts": (),
            "git_tokens_file": None,
            "fetch_timeout": 60.0,
            "min_free_mb": 1,
            "max_repository_mb": 10,
            "max_files": 100,
            "max_file_kb": 100,
            "log_level": "info",
            **changes,
        }
    )


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """``start(program)``: a process whose child is this program; ``begun`` beside it holds a line for every start."""
    begun: list[ComputeProcess] = []

    def build(program: str, **how: float) -> ComputeProcess:
        room = tmp_path / "edge_worker" / "attempt"
        room.mkdir(parents=True)
        for package in (room, room.parent):
            (package / "__init__.py").touch()
        count = f"open({str(tmp_path / 'begun')!r}, 'a').write('child\\n')\n"
        (room / "child.py").write_text(count + _BEGIN + textwrap.dedent(program))
        # Safe path: the child is found below PYTHONPATH, not in the folder that the tests run in.
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1"}
        process = ComputeProcess(an_equipment(tmp_path), environment=environment, **how)
        begun.append(process)
        return process

    yield build
    for process in begun:
        process.kill()


def test_a_child_is_started_once(start: Start, tmp_path: Path) -> None:
    """Warming says what the child has; warming again finds it there."""
    process = start("hello()\nsys.stdin.read()")

    first, again = process.warm(), process.warm()

    assert (first, again) == (Hello(gpu=False, gpu_name=None, gpu_memory=0.0), None)
    assert (tmp_path / "begun").read_text() == "child\n"


def test_a_child_that_died_is_started_again(start: Start, tmp_path: Path) -> None:
    """After a death the next warming starts a fresh child, and nothing of the old one is heard."""
    process = start("hello()\nsay(say='progress', stage='train', done=1, total=2)\nsys.stdin.readline()")
    process.warm()
    process.say(StopTask())
    eventually(lambda: process.pid is None)

    again = process.warm()

    assert isinstance(again, Hello)
    assert (tmp_path / "begun").read_text() == "child\nchild\n"
    assert process.hear(10) == Progress(stage="train", done=1, total=2)
    assert process.hear(0.05) is None


@pytest.mark.parametrize(("end", "code"), [("sys.exit(7)", 7), ("os.kill(os.getpid(), 9)", -9)])
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_death_is_told_with_its_code(start: Start, end: str, code: int) -> None:
    """A child that ends by itself is reported with what the system says of it."""
    process = start(f"hello()\nsys.stdin.readline()\n{end}")
    process.warm()
    process.say(StopTask())

    with pytest.raises(ComputeDied) as caught:
        process.hear(10)

    assert caught.value.code == code


def test_what_was_said_before_a_death_is_heard(start: Start) -> None:
    """The last words of a child are not lost with it."""
    process = start("hello()\nsay(say='tidied', problem=None)")
    process.warm()

    assert process.hear(10) == Tidied()
    with pytest.raises(ComputeDied):
        process.hear(10)


def test_nobody_is_there_to_be_told(start: Start) -> None:
    """Speaking to a child that is dead, or was never started, says so."""
    process = start("hello()")
    with pytest.raises(ComputeDied):
        process.say(StopTask())
    process.warm()
    eventually(lambda: process.pid is None)

    with pytest.raises(ComputeDied):
        process.say(StopTask())


def test_a_child_that_talks_nonsense_is_not_listened_to_for_ever(start: Start) -> None:
    """What is no message counts as a death, also when the child lives on."""
    process = start("hello()\nprint('Segmentation fault?', flush=True)\nsys.stdin.read()")
    process.warm()
    began = time.monotonic()

    with pytest.raises(ComputeDied) as caught:
        process.hear(60)

    assert caught.value.code is None
    assert time.monotonic() - began < 20


def test_a_child_that_begins_with_nonsense_is_ended(start: Start) -> None:
    """A child that never became ready is not taken for a warm one at the next attempt."""
    process = start("print('Welcome!', flush=True)\nsys.stdin.read()")

    with pytest.raises(Transient) as caught:
        process.warm()

    assert caught.value.reason == "compute_not_started"
    assert process.pid is None


@pytest.mark.parametrize(
    "program", ["sys.exit(1)", "time.sleep(60)", "say(say='tidied', problem=None)\ntime.sleep(60)"]
)
def test_a_child_that_does_not_come_up_may_do_so_later(start: Start, program: str) -> None:
    """A child that ends, is silent, or says something else at its start is transient, and none is left behind."""
    process = start(program, start_timeout=0.3)

    with pytest.raises(Transient) as caught:
        process.warm()

    assert caught.value.reason == "compute_not_started"
    assert process.pid is None


@pytest.mark.parametrize(
    ("signal", "error"), [("permanent", ConfigurationError), ("transient", Transient)], ids=["wrong", "away"]
)
def test_a_child_that_cannot_work_says_why(start: Start, signal: str, error: type[Exception]) -> None:
    """What a child says of its settings, or of its store, is the error of its start."""
    process = start(f"say(say='ended', signal={signal!r}, reason='store', detail='Check the disk.')\nsys.stdin.read()")

    with pytest.raises(error, match="Check the disk"):
        process.warm()

    assert process.pid is None


def test_silence_is_no_death(start: Start) -> None:
    """A child that works quietly is waited for as long as was asked, and no longer."""
    process = start("hello()\nsys.stdin.read()")
    process.warm()

    assert process.hear(0.05) is None
    assert process.pid is not None


@pytest.mark.skipif(os.name != "posix", reason="process groups")
def test_killing_ends_what_the_child_started(start: Start) -> None:
    """Also a git that a child is waiting for ends with it, at once."""
    process = start(
        """
        grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        say(say="hello", gpu=False, gpu_name=str(grandchild.pid), gpu_memory=0.0)
        grandchild.wait()
        """
    )
    hello = process.warm()
    assert hello is not None
    assert hello.gpu_name is not None
    grandchild = psutil.Process(int(hello.gpu_name))

    process.kill()

    eventually(lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE)
    assert process.pid is None


def test_killing_twice_is_killing_once(start: Start) -> None:
    """There is nothing to kill before a start and after a kill."""
    process = start("hello()\nsys.stdin.read()")
    process.kill()
    process.warm()

    process.kill()
    process.kill()

    assert process.pid is None
    with pytest.raises(ComputeDied):
        process.hear(10)


def test_the_child_is_looked_at_while_it_is_killed(start: Start) -> None:
    """The thread that tells the plane reads the child's number at any moment of its life and death."""
    process = start("hello()\nsys.stdin.read()")
    over, broken = threading.Event(), list[BaseException]()

    def look() -> None:
        try:
            while not over.is_set():
                _ = process.pid
        except BaseException as error:  # noqa: BLE001 - handed to the test
            broken.append(error)

    looking = threading.Thread(target=look)
    before, _ = sys.getswitchinterval(), sys.setswitchinterval(1e-5)
    looking.start()
    try:
        for _ in range(8):
            process.warm()
            process.kill()
    finally:
        over.set()
        looking.join()
        sys.setswitchinterval(before)

    assert broken == []
