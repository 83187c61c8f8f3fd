"""The model of a search process: loaded and asked on a thread of its own, so that words never wait for it."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from edge_worker.models.spec import ModelSpec
from edge_worker.searching.loads import Loads
from shared.errors import PharosError
from shared.logs import get_logger
from shared.nodes.search import Degraded
from shared.stores.passages import Vectors

T = TypeVar("T")

log = get_logger(__name__)

#: Questions whose vectors are kept: the same one at once, or soon again, is embedded once.
_KEPT = 256
#: Seconds after which a model that could not be had is looked for again: somebody may have fetched it.
_AGAIN = 30.0
#: What a load is announced with that takes longer than the last one.
_ANY_MOMENT = 1.0


class QueryEmbedder(Protocol):
    """What gives vectors of questions, as ``Embedder`` does."""

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Return ``(texts, dimension)``, rows of length 1 in the order given."""


@dataclass(frozen=True, kw_only=True)
class Lack:
    """Why there is no vector, and in how many seconds there should be one."""

    degraded: Degraded
    ready_in: float | None = None


class Model:
    """One text model. For one thread; its own thread does the work, one thing after the other."""

    def __init__(
        self,
        *,
        find: Callable[[], ModelSpec],
        load: Callable[[ModelSpec], QueryEmbedder],
        loads: Loads,
        again: float = _AGAIN,
    ) -> None:
        """``find`` is called at once, and reads files at most; ``load`` when ``load`` is. Both raise what they like."""
        self._find = find
        self._load = load
        self._loads = loads
        self._again = again
        self._thread = ThreadPoolExecutor(1, "model")
        self._vectors: OrderedDict[str, Future[Vectors]] = OrderedDict()
        self._embedder: Future[QueryEmbedder] | None = None
        self._tried_at = time.monotonic()
        self._spec = self._thread.submit(self._found)

    def spec(self) -> ModelSpec | None:
        """Return which model this is; ``None`` while that is not known, or there is none."""
        return _result(self._spec)

    def load(self) -> None:
        """Have it loaded, unless it is here, on its way, or could not be had a moment ago."""
        if not self._is_missing():
            if self._embedder is None:
                self._begin()
        elif time.monotonic() - self._tried_at >= self._again:
            self._spec = self._thread.submit(self._found)
            self._begin()

    def begin(self, query: str) -> None:
        """Have a question embedded, if the model is here; ``vector`` gives what comes of it."""
        embedder, known = _result(self._embedder), self._vectors.get(query)
        if embedder is None or known is not None:
            return
        self._vectors[query] = self._thread.submit(lambda: embedder.queries([query])[0])
        while len(self._vectors) > _KEPT:
            self._vectors.popitem(last=False)

    def vector(self, query: str, until: float) -> Vectors | Lack:
        """Return the vector of a question that was begun, ``(dimension,)``, or why there is none by then."""
        begun = self._vectors.get(query)
        if begun is None:
            return self._lack()
        try:
            found = begun.result(max(0.0, until - time.monotonic()))
        except TimeoutError:
            # What is under way is finished for who asks the same again; what only waits its turn is not.
            if begun.cancel():
                del self._vectors[query]
            return Lack(degraded="out_of_time")
        except Exception:  # words alone are better than nothing
            log.exception("question_not_embedded")
            del self._vectors[query]
            return Lack(degraded="model_missing")
        self._vectors.move_to_end(query)
        return found

    def _lack(self) -> Lack:
        if self._is_missing():
            return Lack(degraded="model_missing")
        spec = self.spec()
        left = self._loads.expected(spec.collection if spec is not None else None)
        if self._embedder is not None:
            left -= time.monotonic() - self._tried_at
        return Lack(degraded="model_loading", ready_in=round(max(_ANY_MOMENT, left), 1))

    def _is_missing(self) -> bool:
        return _failed(self._spec) or (self._embedder is not None and _failed(self._embedder))

    def _begin(self) -> None:
        self._tried_at = time.monotonic()
        self._embedder = self._thread.submit(self._loaded, self._spec)

    def _found(self) -> ModelSpec:
        try:
            return self._find()
        except PharosError as error:
            log.warning("text_model_missing", problem=error.message)
            raise

    def _loaded(self, spec: Future[ModelSpec]) -> QueryEmbedder:
        known, began = spec.result(), time.monotonic()
        try:
            embedder = self._load(known)
            # So that nobody's question pays for what is made at first use.
            embedder.queries(["warm"])
        except Exception:
            log.exception("text_model_not_loaded", model=known.name)
            raise
        self._loads.note(known.collection, round(time.monotonic() - began, 3))
        return embedder


def _result(future: Future[T] | None) -> T | None:
    return None if future is None or not future.done() or _failed(future) else future.result()


def _failed(future: Future[Any]) -> bool:
    return future.done() and future.exception() is not None
