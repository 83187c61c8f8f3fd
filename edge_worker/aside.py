"""Calling what may block from an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def aside(call: Callable[[], T]) -> asyncio.Future[T]:
    """Call it on a thread of its own and return what will come of it; the end of the process waits for no thread."""
    given: Future[T] = Future()
    # From now on it cannot be cancelled: who waited for it may be gone, the call goes on.
    given.set_running_or_notify_cancel()

    def work() -> None:
        try:
            given.set_result(call())
        except BaseException as error:  # noqa: BLE001  # it is raised again where somebody waits for it
            given.set_exception(error)

    threading.Thread(target=work, name="aside", daemon=True).start()
    return asyncio.wrap_future(given)
