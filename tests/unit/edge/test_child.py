"""The compute process from inside: attempts end in words, and from outside: it ends with its supervisor."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from edge_twins import eventually
from plane_factories import REPOSITORY, REPOSITORY_ID
from test_process import an_equipment

from edge_worker.attempt.child import Child
from edge_worker.attempt.messages import Done, Ended, Equipment, Hello, Progress, RunTask, StopTask, Tidied, TidyUp
from edge_worker.attempt.process import ComputeProcess
from edge_worker.attempt.tasks import read_task, write_task
from edge_worker.handlers.base import Outcome, Published, Reporter, Task
from edge_worker.handlers.training import Tag, TrainingStates
from edge_worker.handlers.vectors import COLLECTIONS, DIMENSION
from shared.errors import (
    Cancelled,
    ConfigurationError,
    InvalidRepository,
    Permanent,
    Snooze,
    StoreUnavailable,
    Transient,
)
from shared.knowledge import Knowledge
from shared.ledger.records import DEFAULT_TENANT
from shared.stores.base import Point

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
TENANT = str(DEFAULT_TENANT)
COLLECTION = COLLECTIONS["node2vec"]
Handle = Callable[[Task, Reporter], Outcome]


def a_task(folder: Path, **changes: Any) -> Task:
    """Return a removal, whose handler needs the store alone."""
    values = {
        "job_id": "job_" + "0" * 26,
        "attempt": 1,
        "kind": "remove",
        "tenant_id": TENANT,
        "repository_id": REPOSITORY_ID,
        "repository": REPOSITORY,
        "generation": 7,
        "payload": {},
        "work_dir": folder,
    }
    return Task(**{**values, **changes})


def _run(task: Task) -> RunTask:
    return RunTask(task=write_task(task))


class Talk:
    """A child on a thread-to-thread pipe: its own ears and mouth, and a handler of the test's."""

    def __init__(self) -> None:
        ears, self._mouth = os.pipe()
        self.lines = os.fdopen(ears, encoding="utf-8")
        self.out = io.StringIO()
        self.child = Child(self.lines, self.out)

    def attempt(self, handle: Handle, message: RunTask) -> Any:
        """Return what an attempt ends with, once it was told as the child tells it."""
        ended = self.child._attempt(handle, message)
        self.child._say(ended)
        return ended

    def told(self) -> list[dict[str, Any]]:
        """Return everything that was said."""
        return [json.loads(line) for line in self.out.getvalue().splitlines()]


@pytest.fixture
def talk() -> Iterator[Talk]:
    """A child that has heard nothing."""
    talk = Talk()
    yield talk
    talk.lines.close()
    os.close(talk._mouth)


def _raises(error: BaseException) -> Handle:
    def handle(task: Task, reporter: Reporter) -> Outcome:
        raise error

    return handle


@pytest.mark.parametrize(
    ("error", "signal", "reason"),
    [
        (Permanent("no_source_files", "None."), "permanent", "no_source_files"),
        (Transient("fetch_failed", "None."), "transient", "fetch_failed"),
        (Snooze("disk_low", "None."), "snooze", "disk_low"),
        (Cancelled("cancel_requested", "None."), "cancelled", "cancel_requested"),
        (StoreUnavailable("None."), "transient", "store_unavailable"),
        (InvalidRepository("None."), "permanent", "invalid_repository"),
        (MemoryError(), "transient", "out_of_memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "snooze", "disk_full"),
        (ZeroDivisionError("None."), "transient", "unknown_error"),
    ],
)
def test_an_error_is_an_end(talk: Talk, tmp_path: Path, error: Exception, signal: str, reason: str) -> None:
    """Whatever a handler raises ends the attempt with a signal and a reason."""
    ended = talk.attempt(_raises(error), _run(a_task(tmp_path)))

    assert (ended.signal, ended.reason) == (signal, reason)


@pytest.mark.parametrize("kind", [ValueError, Transient])
def test_an_error_about_any_bytes_can_be_told(talk: Talk, tmp_path: Path, kind: Any) -> None:
    """A file name that is not UTF-8, a NUL or half a pair in an error does not keep it from being told."""
    text = "caf\udce9 \0 \ud800"

    talk.attempt(_raises(kind("why", text) if kind is Transient else kind(text)), _run(a_task(tmp_path)))

    assert r"caf\xe9 \x00 \ud800" in talk.told()[0]["detail"]


@pytest.mark.parametrize("figure", [object(), "caf\udce9", {1, object()}], ids=["object", "bytes", "set"])
def test_a_result_that_cannot_be_told_ends_its_attempt_alone(talk: Talk, tmp_path: Path, figure: object) -> None:
    """A figure that is no JSON is the attempt's failure; the process goes on to the next."""
    broken = talk.attempt(lambda task, reporter: Outcome(summary={"figure": figure}), _run(a_task(tmp_path)))
    after = talk.attempt(lambda task, reporter: Outcome(summary={"figure": 1}), _run(a_task(tmp_path)))

    assert isinstance(broken, Ended)
    assert (broken.signal, broken.reason) == ("transient", "unknown_error")
    assert isinstance(after, Done)


def test_knowledge_is_left_in_a_file(talk: Talk, tmp_path: Path) -> None:
    """What is to be published is written below the task's folder and reads back the same."""
    knowledge = Knowledge(commit="1" * 40, files=(), edges=(), stats={"seconds": 1.5})

    done = talk.attempt(lambda task, reporter: Outcome(knowledge=knowledge), _run(a_task(tmp_path)))

    assert done.knowledge.parent == tmp_path
    assert Knowledge.read(done.knowledge) == knowledge


def test_knowledge_that_cannot_be_written_is_a_failure(talk: Talk, tmp_path: Path) -> None:
    """A folder that is gone, or a full disk, costs the attempt."""
    knowledge = Knowledge(commit="1" * 40, files=(), edges=(), stats={})

    ended = talk.attempt(lambda task, reporter: Outcome(knowledge=knowledge), _run(a_task(tmp_path / "gone")))

    assert (ended.signal, ended.reason) == ("transient", "unknown_error")


def test_progress_is_told(talk: Talk, tmp_path: Path) -> None:
    """A handler's stages reach the supervisor before its end does."""

    def handle(task: Task, reporter: Reporter) -> Outcome:
        reporter.stage("train", 3, 10)
        return Outcome()

    talk.attempt(handle, _run(a_task(tmp_path)))

    assert [one["say"] for one in talk.told()] == ["progress", "done"]
    assert Progress.model_validate(talk.told()[0]).done == 3


def test_a_stop_ends_the_attempt_that_it_was_said_to(talk: Talk, tmp_path: Path) -> None:
    """A handler hears of a stop at its next border."""
    talk.child._heed(_run(a_task(tmp_path)))

    def handle(task: Task, reporter: Reporter) -> Outcome:
        talk.child._heed(StopTask())
        reporter.check()
        return Outcome()

    assert talk.attempt(handle, _run(a_task(tmp_path))).signal == "cancelled"


def test_a_stop_that_comes_too_late_does_not_end_the_next_attempt(talk: Talk, tmp_path: Path) -> None:
    """A stop for an attempt that has just ended by itself is forgotten when the next one arrives."""

    def handle(task: Task, reporter: Reporter) -> Outcome:
        reporter.check()
        return Outcome()

    first, second = _run(a_task(tmp_path)), _run(a_task(tmp_path, attempt=2))
    talk.child._heed(first)
    talk.attempt(handle, first)
    talk.child._heed(StopTask())
    talk.child._heed(second)

    assert isinstance(talk.attempt(handle, second), Done)


@pytest.mark.parametrize(
    "published",
    [
        None,
        Published(commit="1" * 40, generation=4, parameters={"epochs": 10}, vector_store="lancedb", node="den"),
        Published(commit="", generation=4, parameters={}, removed=True),
    ],
)
def test_a_task_is_the_same_on_the_other_side(tmp_path: Path, published: Published | None) -> None:
    """A task survives the wire as it was."""
    task = a_task(tmp_path / "café", published=published, payload={"url": "https://github.com/a/b", "ref": None})

    there = RunTask.model_validate_json(_run(task).model_dump_json())

    assert read_task(there.task) == task


def _started(*, parent: str | None = None) -> subprocess.Popen[bytes]:
    """Start the real child, as this process's or as that of a parent whose number is given."""
    return subprocess.Popen(
        [sys.executable, "-m", "edge_worker.attempt.child", parent or str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        cwd=ROOT,
    )


@pytest.mark.parametrize(
    "words", [b"", b"garbage\n", b'{"say": "sing"}\n', b"[" * 200_000 + b"\n"], ids=["hang up", "text", "word", "deep"]
)
def test_a_child_ends_when_it_cannot_hear_its_supervisor(tmp_path: Path, words: bytes) -> None:
    """Hanging up, or a line that is no message, ends the process: deaf, it could neither stop nor be told to end."""
    child = _started()
    assert child.stdin is not None

    child.stdin.write(an_equipment(tmp_path).model_dump_json().encode() + b"\n" + words)
    child.stdin.flush()
    if not words:
        child.stdin.close()

    try:
        assert child.wait(20) == 3
    finally:
        child.kill()
        for pipe in (child.stdin, child.stdout, child.stderr):
            with suppress(OSError):
                assert pipe is not None
                pipe.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own signal at a parent's death")
def test_a_child_ends_with_a_supervisor_that_is_killed() -> None:
    """A supervisor that is killed cannot say goodbye; its child ends all the same, though the pipe is still open."""
    ears, mouth = os.pipe()
    program = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'edge_worker.attempt.child', str(os.getpid())], "
        f"stdin={ears}, pass_fds=[{ears}], start_new_session=True)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    supervisor = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env=ENVIRONMENT, cwd=ROOT, pass_fds=[ears]
    )
    assert supervisor.stdout is not None
    child = psutil.Process(int(supervisor.stdout.readline()))
    # Once it asked for the kernel's signal it waits for its equipment on a pipe of its own.
    eventually(lambda: child.num_fds() >= 5)

    supervisor.kill()
    supervisor.wait()

    eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    supervisor.stdout.close()
    os.close(ears)
    os.close(mouth)


def _point(generation: int) -> Point:
    return Point(
        tenant_id=TENANT,
        repository_id=REPOSITORY_ID,
        repository=REPOSITORY,
        generation=generation,
        path="a.py",
        language="python",
        isolated=False,
        vector=[1.0] * DIMENSION,
    )


def _tag(generation: int) -> Tag:
    return Tag(tenant_id=TENANT, repository_id=REPOSITORY_ID, collection=COLLECTION, generation=generation)


def _process(equipment: Equipment) -> ComputeProcess:
    return ComputeProcess(equipment, environment=ENVIRONMENT)


def test_the_real_child_works_and_tidies_up(tmp_path: Path) -> None:
    """A real child comes up, tidies all but what is visible, fails one task, and runs the next: all in one life."""
    from shared.stores.lance import LanceVectorStore

    equipment = an_equipment(tmp_path)
    store = LanceVectorStore(path=equipment.lancedb_path)
    store.prepare(COLLECTION, dimension=DIMENSION)
    store.upsert(COLLECTION, [_point(generation) for generation in (2, 4, 7)])
    states = TrainingStates(folder=equipment.lancedb_path / "training")
    tags = [_tag(generation) for generation in (2, 4, 7)]
    for tag in tags:
        states.keep(tag, b"state")
    process = _process(equipment)

    def counts() -> list[int]:
        where = {"tenant_id": TENANT, "repository_id": REPOSITORY_ID}
        return [store.count(COLLECTION, generation=generation, **where) for generation in (2, 4, 7)]

    def heard() -> Any:
        while isinstance(message := process.hear(60), Progress):
            pass
        return message

    try:
        assert isinstance(process.warm(), Hello)
        process.say(TidyUp(tenant_id=TENANT, repository_id=REPOSITORY_ID, below=8, keep=4))
        tidied, left, known = heard(), counts(), [states.load(tag) for tag in tags]
        process.say(_run(a_task(tmp_path, kind="ingest", payload={"nonsense": True})))
        failed = heard()
        # A stop for the attempt that is over, and then the next one.
        process.say(StopTask())
        process.say(_run(a_task(tmp_path)))
        removed = heard()
        pid = process.pid
    finally:
        process.kill()

    assert (tidied, left, known) == (Tidied(), [0, 1, 0], [None, b"state", None])
    assert isinstance(failed, Ended)
    assert removed == Done(summary={"vectors_deleted": 1, "vectors_left": 0}, knowledge=None)
    assert states.load(tags[1]) is None
    assert pid is not None


def test_a_store_that_cannot_be_opened_keeps_the_child_from_starting(tmp_path: Path) -> None:
    """A worker whose vector store lies where nothing can lie learns so at its start, with what to check."""
    (tmp_path / "file").write_text("a file")
    process = _process(an_equipment(tmp_path, lancedb_path=tmp_path / "file" / "lance"))

    with pytest.raises(Transient, match="disk's space and permissions"):
        process.warm()

    assert process.pid is None


def test_a_setting_that_is_missing_keeps_the_child_from_starting(tmp_path: Path) -> None:
    """A worker that is to use Qdrant and is not told where ends with the name of the setting."""
    process = _process(an_equipment(tmp_path, vector_store="qdrant"))

    with pytest.raises(ConfigurationError, match="PHAROS_QDRANT_URL"):
        process.warm()


def test_a_child_of_another_module_brings_its_own_handlers(tmp_path: Path) -> None:
    """A module that calls ``serve`` is a compute process with other handlers, and loads no ML library."""
    (tmp_path / "light.py").write_text(
        "import sys\n"
        "from edge_worker.attempt.child import serve\n"
        "from edge_worker.attempt.messages import Hello\n"
        "from edge_worker.handlers.base import Outcome\n"
        "class Bench:\n"
        "    def hello(self):\n"
        "        return Hello(gpu=True, gpu_name='light', gpu_memory=1.0)\n"
        "    def handle(self, task, reporter):\n"
        "        return Outcome(summary={'torch': 'torch' in sys.modules})\n"
        "    def tidy(self, message):\n"
        "        pass\n"
        "    def release(self):\n"
        "        pass\n"
        "if __name__ == '__main__':\n"
        "    serve(lambda equipment: Bench())\n"
    )
    environment = {**ENVIRONMENT, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    process = ComputeProcess(an_equipment(tmp_path), environment=environment, entry="light")

    try:
        hello = process.warm()
        process.say(_run(a_task(tmp_path)))
        done = process.hear(30)
    finally:
        process.kill()

    assert hello == Hello(gpu=True, gpu_name="light", gpu_memory=1.0)
    assert done == Done(summary={"torch": False}, knowledge=None)
