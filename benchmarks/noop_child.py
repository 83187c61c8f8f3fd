"""A compute process whose handler returns at once: what is left is the cost of the queue itself."""

from __future__ import annotations

from edge_worker.attempt.child import serve
from edge_worker.attempt.messages import Equipment, Hello, TidyUp
from edge_worker.handlers.base import Outcome, Reporter, Task


class Bench:
    """Does nothing, at once."""

    def hello(self) -> Hello:
        """Say that there is no GPU."""
        return Hello(gpu=False, gpu_name=None, gpu_memory=0.0)

    def handle(self, task: Task, reporter: Reporter) -> Outcome:
        """Return an outcome with nothing to publish."""
        return Outcome()

    def tidy(self, message: TidyUp) -> None:
        """Leave everything."""

    def release(self) -> None:
        """Keep everything."""


def build(_: Equipment) -> Bench:
    """Return the bench."""
    return Bench()


if __name__ == "__main__":
    serve(build)
