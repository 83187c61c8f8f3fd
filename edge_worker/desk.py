"""The worker's end of requests: acknowledge, answer in time, and never keep the line waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any

import httpx2

from edge_worker.aside import aside
from shared.errors import NotAnswered, NotFound, PharosError, Unavailable
from shared.logs import get_logger
from shared.nodes.line import (
    ACKNOWLEDGEMENTS_PATH,
    ANSWERS_PATH,
    MAX_BODY,
    Acknowledgement,
    Answer,
    Request,
    RequestKind,
)

log = get_logger(__name__)

#: How a request of each kind is answered; called on a thread of its own.
Answers = Mapping[RequestKind, Callable[[dict[str, Any]], dict[str, Any]]]

#: Requests that are answered at once; one more is better asked of another worker.
_MOST = 16
#: Seconds: an answer that is ready so soon is its own acknowledgement, and spares a free plane half of the posts.
_AT_ONCE = 0.01
#: What tells that nobody waits any more: too late, or a plane that has started anew since.
_UNWANTED = frozenset({404, 409, 410})


class Desk:
    """Takes requests and posts what becomes of them. Lives on one loop, with as many streams as there come to be."""

    def __init__(
        self, *, http: httpx2.AsyncClient, worker: str, answers: Answers, tasks: asyncio.TaskGroup, most: int = _MOST
    ) -> None:
        self._http = http
        self._worker = worker
        self._answers = answers
        self._tasks = tasks
        self._free = threading.BoundedSemaphore(most)

    async def acknowledge(self, message: str) -> None:
        """Tell the plane that a message arrived.

        Raises:
            httpx2.HTTPError: it does not know so now.
        """
        await self._post(ACKNOWLEDGEMENTS_PATH, Acknowledgement(worker=self._worker, id=message).model_dump_json())

    def take(self, request: Request) -> None:
        """Have a request answered before its time is over, which runs from now on this machine's own clock."""
        until = asyncio.get_running_loop().time() + request.milliseconds / 1000
        self._tasks.create_task(self._answer_by(until, request))

    async def _answer_by(self, until: float, request: Request) -> None:
        try:
            async with asyncio.timeout_at(until):
                await self._answer(request)
        except TimeoutError:
            log.debug("request_dropped", request=request.id, kind=request.kind)
        except httpx2.HTTPStatusError as error:
            status = error.response.status_code
            say = log.debug if status in _UNWANTED else log.warning
            say("answer_refused", request=request.id, status=status)
        except httpx2.HTTPError as error:
            log.warning("answer_lost", request=request.id, cause=type(error).__name__)
        except Exception:  # one request must not end the line
            log.exception("answer_broke", request=request.id)

    async def _answer(self, request: Request) -> None:
        # Not one of the line's tasks: what breaks in it ends this request and nothing else.
        answer = asyncio.ensure_future(self._begin(request))
        try:
            await asyncio.wait({answer}, timeout=_AT_ONCE)
            if not answer.done():
                self._tasks.create_task(self._say_that_it_is_here(request))
            text = await answer
        finally:
            answer.cancel()
        await self._post(ANSWERS_PATH, text)

    async def _say_that_it_is_here(self, request: Request) -> None:
        try:
            await self.acknowledge(request.id)
        except httpx2.HTTPError as error:
            # The answer may still find its way; without this word another worker is asked, too.
            log.debug("acknowledgement_lost", request=request.id, cause=type(error).__name__)
        except Exception:  # one request must not end the line
            log.exception("acknowledgement_broke", request=request.id)

    async def _begin(self, request: Request) -> str:
        call = self._answers.get(request.kind)
        if call is None:
            return self._worded(
                request, error=f"This worker does not know how to answer {request.kind}.", elsewhere=True
            )
        if not self._free.acquire(blocking=False):
            return self._worded(request, error="This worker has its hands full.", elsewhere=True)

        def work() -> dict[str, Any]:
            # Also an answer that nobody waits for any more keeps its place until it is done.
            try:
                return call(request.body)
            finally:
                self._free.release()

        try:
            return self._worded(request, body=await aside(work))
        except NotFound as error:
            return self._worded(request, error=error.message, missing=True)
        except PharosError as error:
            # What is not to be had from this worker, unlike what it tried in vain.
            elsewhere = isinstance(error, Unavailable) and not isinstance(error, NotAnswered)
            return self._worded(request, error=error.message, elsewhere=elsewhere)
        except Exception as error:
            log.exception("request_broke", request=request.id, kind=request.kind)
            return self._worded(request, error=f"This worker broke over it ({type(error).__name__}).")

    def _worded(
        self,
        request: Request,
        *,
        body: dict[str, Any] | None = None,
        error: str | None = None,
        elsewhere: bool = False,
        missing: bool = False,
    ) -> str:
        error = error[:500] if error is not None else None
        answer = Answer(
            worker=self._worker, id=request.id, body=body, error=error, elsewhere=elsewhere, missing=missing
        )
        text = answer.model_dump_json()
        if body is not None and len(text.encode()) > MAX_BODY:
            return self._worded(request, error=f"The answer has more than {MAX_BODY} bytes. Ask for less.")
        return text

    async def _post(self, path: str, text: str) -> None:
        try:
            answer = await self._http.post(path, content=text, headers=_JSON)
        except httpx2.TransportError:
            # A connection that was kept may have died without a word; twice does no harm, since the plane knows the id.
            answer = await self._http.post(path, content=text, headers=_JSON)
        answer.raise_for_status()


_JSON = {"Content-Type": "application/json"}
