"""A compute process without ML: the product's own, but for its handlers, which do what a repository's name says.

``https://github.com/<fate>/<name>``; a payload's epochs are steps of ten milliseconds.
"""

from __future__ import annotations

import os
import signal
import time

from edge_worker.attempt.child import serve
from edge_worker.attempt.messages import Equipment, Hello, TidyUp
from edge_worker.handlers.base import Outcome, Reporter, Task
from shared.errors import Permanent, Transient
from shared.jobs.kinds import Kind
from shared.knowledge import EdgeRow, FileRow, Knowledge

_STEP = 0.01


class LightBench:
    """Handlers of a test."""

    def __init__(self, equipment: Equipment) -> None:
        self._node = equipment.node

    def hello(self) -> Hello:
        """Claim a GPU, so that jobs that need one have where to go; a worker's settings may say otherwise."""
        return Hello(gpu=True, gpu_name="none", gpu_memory=8.0)

    def handle(self, task: Task, reporter: Reporter) -> Outcome:
        """Publish a few files that name this attempt, unless the name of the repository says otherwise."""
        if task.kind == Kind.REMOVE:
            return Outcome(summary={"vectors_deleted": 0})
        fate = task.repository.split("/")[1]
        reporter.stage("fetch")
        _suffer(fate, task)
        if fate == "brisk":
            return Outcome(summary={"unchanged": True})
        steps = int(task.payload["epochs"])
        for step in range(steps):
            reporter.stage("train", step, steps)
            time.sleep(_STEP)
        if fate == "idle":
            return Outcome(summary={"unchanged": True})
        return Outcome(summary={"node": self._node}, knowledge=_learned(f"{task.job_id}.{task.attempt}", task))

    def tidy(self, message: TidyUp) -> None:
        """Delete nothing: there are no vectors."""

    def release(self) -> None:
        """Keep nothing."""


def _suffer(fate: str, task: Task) -> None:
    if fate == "fails":
        raise Permanent("planted", "It was planted to fail.")
    if fate == "flaky" and task.attempt == 1:
        raise Transient("planted", "It was planted to fail once.")
    if fate == "dies" or (fate == "dies-once" and task.attempt == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if fate == "kills" or (fate == "kills-once" and task.attempt == 1):
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)


def _learned(mark: str, task: Task) -> Knowledge:
    count = 1 + task.generation % 3
    files = tuple(
        FileRow(
            number=number,
            path=f"{mark}/{number}.py",
            language="python",
            size=1,
            blob="0" * 40,
            status="parsed",
            isolated=False,
        )
        for number in range(count)
    )
    edges = tuple(EdgeRow(source=number, target=0, kinds=("import",), line=1) for number in range(1, count))
    return Knowledge(commit=mark, files=files, edges=edges, stats={})


if __name__ == "__main__":
    serve(LightBench)
