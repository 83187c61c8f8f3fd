"""``pharos demo`` and ``pharos up`` as people run them: processes of their own, from start to end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from pharos.stack.processes import CHECKOUT
from tests.acceptance.conftest import Commit, package

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")

#: Seconds; the first import of the ML libraries from a cold disk takes most of it.
PATIENCE = 240


class Program:
    """``pharos …`` running, with what it has put out so far, and every process that it ever had."""

    def __init__(self, arguments: tuple[str, ...], environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pharos", *arguments],
            cwd=CHECKOUT,
            env=dict(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.family: set[psutil.Process] = set()
        self._talk: list[str] = []
        self._news = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def talk(self) -> str:
        """What it has said on standard error."""
        return "".join(self._talk)

    def read_json(self) -> dict[str, Any]:
        """Return the one JSON object that it puts out before it goes on."""
        assert self.process.stdout is not None
        text = ""
        for line in self.process.stdout:
            text += line
            if line == "}\n":
                break
        else:
            pytest.fail(f"no answer: {self.talk}")
        self.note_family()
        return dict(json.loads(text))

    def wait_for(self, words: str) -> None:
        """Return once it has said these words."""
        while not self._news.wait(PATIENCE) or words not in self.talk:
            self._news.clear()
            assert self.process.poll() is None, self.talk

    def note_family(self) -> None:
        """Remember which processes belong to it now."""
        self.family |= set(psutil.Process(self.process.pid).children(recursive=True))

    def end(self, how: signal.Signals) -> int:
        """Send it a signal and return its exit code."""
        self.note_family()
        self.process.send_signal(how)
        return self.process.wait(60)

    def left(self) -> list[psutil.Process]:
        """Return the processes of it that still run 10 s later."""
        return psutil.wait_procs(list(self.family), timeout=10)[1]

    def close(self) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGKILL)
        for process in self.left():
            process.kill()
        self._listener.join()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._talk.append(line)
            self._news.set()


Start = Callable[..., Program]
Ask = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(tmp_path: Path, servers_folder: Path, require: Callable[[str], None]) -> dict[str, str]:
    """No setting of this machine, a stack's folder of this test's own, and temporary files where they can be seen."""
    require("redis")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PHAROS_")}
    temporary = servers_folder / f"demo-{tmp_path.name}"
    temporary.mkdir(mode=0o711)
    return kept | {
        "PHAROS_FOLDER": str(temporary / "stack"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "TMPDIR": str(temporary),
    }


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Start]:
    """Start ``pharos`` with these arguments; what still runs at the end is killed."""
    started: list[Program] = []

    def run(*arguments: str) -> Program:
        started.append(Program(arguments, environment))
        return started[-1]

    yield run
    for program in started:
        program.close()


@pytest.fixture
def ask(environment: dict[str, str]) -> Ask:
    """Run ``pharos`` with these arguments to its end."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pharos", *arguments]
        return subprocess.run(
            command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    return run


@pytest.fixture
def small(tmp_path: Path, commit: Commit) -> Path:
    """A repository of thirty modules that import each other."""
    folder = tmp_path / "small"
    commit(folder, package(30))
    return folder


def test_demo(ask: Ask, small: Path, environment: dict[str, str]) -> None:
    """A demo indexes the repository, shows its figures in at most forty lines, and leaves nothing behind."""
    before = {process.pid for process in psutil.process_iter()}

    done = ask("demo", str(small))

    assert done.returncode == 0, done.stderr
    assert re.search(r"files +31 \(31 parsed", done.stdout)
    assert f"local:{small}" in done.stdout
    assert re.search(r"Most like pkg/\w+\.py", done.stdout)
    assert re.search(r"What depends on it: [1-9]", done.stdout)
    for name in ("control plane", "worker", "compute process", "PostgreSQL", "Redis"):
        assert re.search(rf"{name} +[1-9][0-9,]* MiB", done.stdout), done.stdout
    assert "edges" in done.stdout
    assert len((done.stdout + done.stderr).splitlines()) <= 40
    assert "\x1b" not in done.stdout + done.stderr
    assert list(Path(environment["TMPDIR"]).iterdir()) == []
    assert not [one for one in psutil.process_iter(["cwd"]) if one.pid not in before and _is_ours(one)]


def test_demo_of_what_is_no_repository(ask: Ask, tmp_path: Path) -> None:
    """A folder without a commit is refused before anything is started."""
    done = ask("demo", str(tmp_path))

    assert done.returncode == 2
    assert "not a git repository" in done.stderr
    assert "control plane" not in done.stderr


def test_demo_that_fails_keeps_its_folder(
    ask: Ask, tmp_path: Path, commit: Commit, environment: dict[str, str]
) -> None:
    """A demo whose job fails says why, names the folder that it keeps, and leaves no process."""
    commit(tmp_path / "empty", {"notes.txt": "nothing to parse"})

    done = ask("demo", str(tmp_path / "empty"))

    assert done.returncode == 1
    assert "The job ended as failed" in done.stderr
    kept = re.search(r"kept in (\S+)", done.stderr)
    assert kept is not None
    assert (Path(kept[1]) / "worker.log").is_file()
    assert not [one for one in psutil.process_iter(["cwd"]) if _is_ours(one) and kept[1] in " ".join(_command(one))]


def test_up(start: Start, ask: Ask, small: Path) -> None:
    """Commands find the stack that ``up`` runs by themselves; Ctrl-C ends it with exit code 0 and no process left."""
    up = start("up", "--json", "--allow-local", str(small))
    address = up.read_json()

    submitted = ask("submit", str(small), "--wait", "--json")
    similar = ask("similar", str(small), "pkg/m0.py", "--json")
    dependents = ask("dependents", small.name, "pkg/m0.py", "--depth", "3", "--json")
    status = ask("status", "--json")
    doctor = ask("doctor")

    assert submitted.returncode == 0, submitted.stderr
    assert json.loads(submitted.stdout)["result"]["files"] == 31
    assert len(json.loads(similar.stdout)["similar"]) == 10
    assert "pkg/m1.py" in {one["path"] for one in json.loads(dependents.stdout)}
    assert json.loads(status.stdout)["url"] == address["url"]
    assert json.loads(status.stdout)["health"]["status"] == "ok"
    assert doctor.returncode == 0, doctor.stdout
    assert address["page"].startswith(f"{address['url']}/sign-in?code=")
    assert up.end(signal.SIGINT) == 0
    assert up.left() == []
    assert ask("status").returncode == 78


def test_up_twice_and_again_after_a_crash(start: Start, ask: Ask, small: Path) -> None:
    """Two stacks stand side by side; one that was killed takes its processes along and starts again with its data."""
    first = start("up", "--json", "--allow-local", str(small))
    address = first.read_json()
    second = start("up", "--json")
    beside = second.read_json()
    indexed = ask("submit", str(small), "--wait")

    assert beside["url"] != address["url"]
    assert beside["folder"] == f"{address['folder']}-2"
    assert indexed.returncode == 0, indexed.stderr
    assert second.end(signal.SIGTERM) == 0
    assert second.left() == []
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    if sys.platform == "linux":
        assert first.left() == []

    again = start("up", "--json")

    assert again.read_json()["folder"] == address["folder"]
    assert small.name in ask("repositories").stdout
    assert again.end(signal.SIGINT) == 0
    assert again.left() == []


def test_up_is_interrupted_while_it_starts(start: Start) -> None:
    """SIGTERM while parts are still starting stops those that have started."""
    up = start("up")
    up.wait_for("control plane")

    assert up.end(signal.SIGTERM) == 0
    assert up.left() == []


@pytest.mark.parametrize("part", ["cloud_api", "edge_worker", "postgres", "valkey-server"])
def test_dead_part_stops_everything(start: Start, part: str) -> None:
    """When a part dies, ``up`` names it with the end of its log, stops the rest, and fails."""
    up = start("up", "--json")
    up.read_json()
    victim = next(one for one in psutil.Process(up.process.pid).children() if part in " ".join(_command(one)))

    victim.kill()

    assert up.process.wait(60) == 1
    assert up.left() == []
    assert "ended by itself" in up.talk
    assert ".log ends with:" in up.talk


def _is_ours(process: psutil.Process) -> bool:
    return any(
        word in " ".join(_command(process)) for word in ("cloud_api", "edge_worker", "valkey-server", "postgres")
    )


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
