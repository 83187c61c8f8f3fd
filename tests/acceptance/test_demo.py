"""``pharos demo`` and ``pharos up`` as people run them: processes of their own, from start to end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import psutil
import pytest
from pydantic import SecretStr

from pharos.stack.postgres import EmbeddedPostgres
from pharos.stack.processes import CHECKOUT
from shared.ledger.postgres import Database
from tests.acceptance.conftest import Commit, package
from tests.acceptance.program import PATIENCE, Program, command_of, running_in

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")

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
    assert running_in(environment) == []


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
    assert running_in(environment) == []


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
    with httpx2.Client(follow_redirects=True, trust_env=False) as browser:
        page = browser.get(address["page"])
    assert page.status_code == 200
    assert str(small) in page.text
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


def test_db_init(servers_folder: Path, ask: Ask, environment: dict[str, str]) -> None:
    """``db init`` makes a ledger that the doctor finds well, and run again with its own URLs it changes nothing."""
    with EmbeddedPostgres(servers_folder / "db-init", durable=False) as server:
        environment["PHAROS_OWNER_DATABASE_URL"] = server.owner_url()
        first = ask("db", "init")
        environment |= {line.partition("=")[0]: line.partition("=")[2] for line in first.stdout.splitlines()}
        second = ask("db", "init", "--json")
        doctor = ask("doctor")
        database = Database(SecretStr(environment["PHAROS_DATABASE_URL"]))
        database.check()
        database.close()

    assert first.returncode == 0, first.stderr
    assert [line.split("=")[0] for line in first.stdout.splitlines()] == [
        "PHAROS_DATABASE_URL",
        "PHAROS_KEEPER_DATABASE_URL",
    ]
    assert json.loads(second.stdout)["applied"] == []
    assert json.loads(second.stdout)["urls"] == {}
    assert re.search(r"OK +Postgres \(app\)", doctor.stdout), doctor.stdout
    assert re.search(r"OK +Postgres \(keeper\)", doctor.stdout), doctor.stdout


def test_up_is_interrupted_while_it_starts(start: Start) -> None:
    """SIGTERM while parts are still starting stops those that have started."""
    up = start("up")
    up.wait_for("control plane")

    assert up.end(signal.SIGTERM) == 0
    assert up.left() == []


def _part(up: Program, part: str) -> psutil.Process:
    return next(one for one in psutil.Process(up.process.pid).children() if part in " ".join(command_of(one)))


@pytest.mark.parametrize("part", ["cloud_api", "postgres"])
def test_dead_part_stops_everything(start: Start, part: str) -> None:
    """When a part dies that cannot be replaced, ``up`` names it with the end of its log, stops the rest, and fails."""
    up = start("up", "--json")
    up.read_json()

    _part(up, part).kill()

    assert up.process.wait(60) == 1
    assert up.left() == []
    assert "ended by itself" in up.talk
    assert ".log ends with:" in up.talk


def test_up_goes_on_without_redis_and_with_another_worker(start: Start, ask: Ask, small: Path) -> None:
    """A dead Redis is done without, a dead worker is started again, and a job submitted after both is done."""
    up = start("up", "--json", "--allow-local", str(small))
    up.read_json()

    _part(up, "valkey-server").kill()
    up.wait_for("jobs go on without it")
    _part(up, "edge_worker").kill()
    up.wait_for("it is started again")
    submitted = ask("submit", str(small), "--wait", "--json")

    assert submitted.returncode == 0, submitted.stderr
    assert json.loads(submitted.stdout)["state"] == "succeeded"
    assert up.end(signal.SIGINT) == 0
    assert up.left() == []
