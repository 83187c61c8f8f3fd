"""The search process: questions come in on one thread and are answered one after the other on the main one.

It is started by the supervisor with a pipe on its standard input and output, and ends when that pipe does.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from pydantic import ValidationError

from edge_worker.attempt.pipe import take_over
from edge_worker.searching.messages import Asked, Start, Told
from shared.errors import ConfigurationError, NotFound, PharosError, Unavailable
from shared.logs import configure_logs, get_logger
from shared.text import plain

if TYPE_CHECKING:
    from edge_worker.searching.seeker import Seeker

log = get_logger(__name__)

Waiting = queue.SimpleQueue[tuple[Asked, float]]


class Child:
    """Answers until the supervisor hangs up."""

    def __init__(self, start: Start, out: TextIO) -> None:
        self._start = start
        self._out = out

    def run(self, waiting: Waiting) -> None:
        """Answer what is asked, with the moment until which somebody waits for it."""
        while True:
            asked, until = waiting.get()
            self._out.write(self._told(asked, until).model_dump_json() + "\n")
            self._out.flush()

    def _told(self, asked: Asked, until: float) -> Told:
        if time.monotonic() >= until:
            return Told(id=asked.id, error="Nobody waits for it any more.")
        try:
            return Told(id=asked.id, answer=self._seeker.answer(asked.question, until))
        except PharosError as error:
            missing, elsewhere = isinstance(error, NotFound), isinstance(error, Unavailable | ConfigurationError)
            return Told(id=asked.id, error=plain(error.message), elsewhere=elsewhere, missing=missing)
        except Exception as error:  # one question must not end the process
            log.exception("search_broke")
            return Told(id=asked.id, error=f"The search broke over it ({type(error).__name__}). Nothing is lost.")

    @cached_property
    def _seeker(self) -> Seeker:
        """What answers: opened with the first question, and with the next one where that failed."""
        # After the listener has begun: this takes a second.
        from edge_worker.searching.wiring import build_seeker

        return build_seeker(self._start)


def _listen(lines: TextIO, heard: Callable[[tuple[Asked, float]], None]) -> None:
    try:
        for line in lines:
            asked = Asked.model_validate_json(line)
            heard((asked, time.monotonic() + asked.question.milliseconds / 1000))
    except (ValidationError, OSError):
        log.exception("supervisor_unintelligible")
    finally:
        # The supervisor is gone, or of another version: nobody could use what we do, and nobody else would end us.
        os._exit(3)


def main() -> None:
    """Work for the supervisor at the other end of the pipe."""
    lines, out = take_over()
    start = Start.model_validate_json(lines.readline())
    configure_logs(start.equipment.log_level, [start.equipment.qdrant_api_key or ""])
    waiting: Waiting = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(lines, waiting.put), daemon=True).start()
    Child(start, out).run(waiting)


if __name__ == "__main__":
    main()
