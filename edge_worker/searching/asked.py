"""The supervisor's side of a search: it has a process that answers while there are questions, and none else."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from edge_worker.attempt.messages import Equipment
from edge_worker.searching.messages import Start, Told
from edge_worker.searching.process import Died, Over, Patience, SearchProcess
from shared.errors import InvalidRequest, NotAnswered, NotFound, Unavailable
from shared.nodes.search import Question


class Searches:
    """Answers what stands where in the text that lies here. Safe on every thread.

    The process is started by the first question, again by the next one after it died or was ended, and ended once
    nobody has asked for a while; its memory goes with it.
    """

    def __init__(
        self,
        equipment: Equipment,
        *,
        environment: Mapping[str, str],
        gpu_gib: float,
        budget: int,
        patience: Patience | None = None,
    ) -> None:
        """``environment`` is what the process gets to see of this one's; ``budget`` the bytes that its indexes take."""
        self._start = Start(equipment=equipment, gpu_gib=gpu_gib, budget=budget)
        self._environment = dict(environment)
        self._patience = patience or Patience(idle=equipment.model_idle)
        self._lock = threading.Lock()
        self._process: SearchProcess | None = None

    def __call__(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return an ``Answer`` for a ``Question``.

        Raises:
            InvalidRequest: it is none.
            NotFound: the text does not lie here, though it should.
            Unavailable: it cannot be read here, or does not fit; another worker may have it.
            NotAnswered: it took too long, or the search broke over it.
        """
        try:
            question = Question.model_validate(body)
        except ValidationError:
            raise InvalidRequest("That is no search. Nothing was looked for.") from None
        told = self._told(question, until=time.monotonic() + question.milliseconds / 1000)
        if told.answer is None:
            raise (NotFound if told.missing else Unavailable if told.elsewhere else NotAnswered)(told.error)
        return told.answer.model_dump(mode="json")

    @property
    def pid(self) -> int | None:
        """The id of the process while there is one."""
        process = self._process
        return process.pid if process is not None else None

    def _told(self, question: Question, *, until: float) -> Told:
        while True:
            process = self._living()
            try:
                told = process.ask(question, until)
            except Over:  # it ended in this very moment, for want of questions
                self._forget(process)
                continue
            except Died:
                raise NotAnswered(
                    "The search ended before it had an answer. Nothing is lost; try again. The worker's log says more."
                ) from None
            if told is None:
                raise NotAnswered("The search did not answer in time. Nothing is lost; try again, or allow more time.")
            return told

    def _living(self) -> SearchProcess:
        with self._lock:
            if self._process is None:
                self._process = SearchProcess(self._start, environment=self._environment, patience=self._patience)
            return self._process

    def _forget(self, process: SearchProcess) -> None:
        with self._lock:
            if self._process is process:
                self._process = None
