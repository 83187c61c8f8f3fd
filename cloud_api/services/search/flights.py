"""One flight for each question: who asks what is being asked already waits for that answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    """What is under way, by key. Belongs on the server's loop."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Task[T]] = {}

    async def join(self, key: Hashable, begin: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what comes of the flight of this key, which is begun unless it is under way.

        It goes on when those who wait for it leave: its answer is remembered for the next one.
        """
        flight = self._under_way.get(key)
        if flight is None:
            flight = self._under_way[key] = asyncio.create_task(begin())
            flight.add_done_callback(lambda ended: self._landed(key, ended))
        return await asyncio.shield(flight)

    def _landed(self, key: Hashable, flight: asyncio.Task[T]) -> None:
        del self._under_way[key]
        # Nobody may be left to take its error; the loop would tell it at some later time.
        if not flight.cancelled():
            flight.exception()
