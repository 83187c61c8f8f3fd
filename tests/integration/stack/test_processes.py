"""Child processes end with their parent, in order, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pharos.stack.ports import free_port
from pharos.stack.processes import environment, start_child
from pharos.stack.ready import wait_for_http, wait_until
from pharos.stack.redis import find_redis_program
from shared.errors import Unavailable

Parent = Callable[[str], "subprocess.Popen[str]"]

STACK = """
import os
from pathlib import Path
from pharos.stack.postgres import EmbeddedPostgres
from pharos.stack.processes import start_child
from pharos.stack.redis import EmbeddedRedis
folder = Path({folder!r})
postgres = EmbeddedPostgres(folder / "postgres", durable=False); postgres.start()
redis = EmbeddedRedis(folder / "redis", program=Path({program!r})); redis.start()
sleep = start_child(["sleep", "600"], name="sleep", log=folder / "log", env=os.environ, cwd=folder)
print(postgres.pid, redis.pid, sleep.pid, flush=True)
input()
"""

STUBBORN = """
import signal, subprocess, sys

signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is Linux's")
def test_no_process_is_left_when_the_parent_is_killed(
    folder: Path, parent: Parent, gone: Callable[[list[int]], bool], require: Callable[[str], None]
) -> None:
    """After SIGKILL of the parent, its servers and children end by themselves."""
    require("redis")
    process = parent(STACK.format(folder=str(folder), program=str(find_redis_program())))
    assert process.stdout is not None
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert len(pids) == 3

    process.kill()

    assert gone(pids)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_a_stubborn_child_is_killed_with_its_own_children(folder: Path, gone: Callable[[list[int]], bool]) -> None:
    """A child that does not end when asked is killed, and so is what it had started."""
    child = start_child(
        [sys.executable, "-c", STUBBORN], name="stubborn", log=folder / "log", env=environment({}), cwd=folder
    )
    wait_until(lambda: bool(child.last_words()), child, within=10)
    grandchild = int(child.last_words())

    child.stop(patience=0.1)

    assert child.exit_code == -signal.SIGKILL
    assert gone([grandchild])


def test_a_child_that_answers_is_ready(folder: Path) -> None:
    """Waiting ends as soon as the address answers 200."""
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]

    with start_child(command, name="server", log=folder / "log", env=environment({}), cwd=folder) as child:
        wait_for_http(f"http://127.0.0.1:{port}/", child)
        running = child.exit_code is None

    assert running
    assert child.exit_code is not None


def test_a_child_that_ends_early_is_told_with_its_last_words(folder: Path) -> None:
    """Waiting for a child that ended fails at once, with the end of its log."""
    command = [sys.executable, "-c", "raise SystemExit('the setting is wrong')"]

    with (
        start_child(command, name="cloud_api", log=folder / "log", env=environment({}), cwd=folder) as child,
        pytest.raises(Unavailable, match=r"cloud_api ended \(exit code 1\).*the setting is wrong"),
    ):
        wait_for_http(f"http://127.0.0.1:{free_port()}/", child, within=30)


def test_the_log_before_is_kept(folder: Path) -> None:
    """A second start begins a new log and keeps the one before it."""
    for word in ("first", "second"):
        command = [sys.executable, "-c", f"print({word!r})"]
        child = start_child(command, name="child", log=folder / "log", env=environment({}), cwd=folder)
        child.end(patience=30)

    logs = (folder / "log.1").read_text().strip(), (folder / "log").read_text().strip()

    assert logs == ("first", "second")


def test_an_environment_can_be_cleaned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables with the given prefixes are left out, the added ones win, the rest stays."""
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")

    found = environment({"LC_ALL": "C"}, without=("PG", "LC_"))

    assert "PGHOST" not in found
    assert found["LC_ALL"] == "C"
    assert found["PATH"] == os.environ["PATH"]
