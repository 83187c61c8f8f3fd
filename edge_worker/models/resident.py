"""The text model of a compute process: in memory from the first text on that needs it, until it was idle for long."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from edge_worker.models.late import LateEmbedder
from edge_worker.models.spec import ModelSpec
from edge_worker.models.vectors import DocumentEmbedder
from shared.logs import get_logger
from shared.stores.passages import Vectors

log = get_logger(__name__)


class ResidentModel:
    """The model that was last wanted. Its memory is given back ``idle`` seconds after it was last used."""

    def __init__(self, choose: Callable[[], LateEmbedder], *, idle: float) -> None:
        """``choose`` says which model is wanted, and is asked again for each job."""
        self._choose = choose
        self._idle = idle
        self._model: LateEmbedder | None = None
        self._timer: threading.Timer | None = None
        #: Held while somebody embeds, and while the memory is given back.
        self._lock = threading.Lock()

    def __call__(self) -> DocumentEmbedder:
        """Return the model as it is wanted now, without loading it.

        Raises:
            ConfigurationError: it is not on this machine.
        """
        chosen = self._choose()
        with self._lock:
            if self._model is None or self._model.spec != chosen.spec:
                self._let_go()
                self._model = chosen
        return self

    @property
    def spec(self) -> ModelSpec:
        """Which one it is."""
        return self._wanted().spec

    def documents(self, texts: Sequence[str], *, progress: Callable[[int, int], None]) -> Vectors:
        """As ``LateEmbedder.documents``."""
        with self._lock:
            return self._wanted().documents(texts, progress=progress)

    def rest(self) -> None:
        """Say that nobody embeds until the next job."""
        if self._timer is not None:
            self._timer.cancel()
        if self._model is not None and self._model.loaded:
            self._timer = threading.Timer(self._idle, self._leave)
            self._timer.daemon = True
            self._timer.start()

    def _leave(self) -> None:
        # While somebody embeds it is not idle; they say so again when they are done.
        if self._lock.acquire(blocking=False):
            try:
                self._let_go()
            finally:
                self._lock.release()

    def _let_go(self) -> None:
        if self._model is not None and self._model.loaded:
            self._model.close()
            log.info("text_model_let_go", model=self._model.spec.name)

    def _wanted(self) -> LateEmbedder:
        assert self._model is not None, "nobody asked which model is wanted"
        return self._model
