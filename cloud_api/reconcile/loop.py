"""When to run a pass: at a trigger or at the time that the last pass named, never by an idle clock."""

from __future__ import annotations

import asyncio

from cloud_api.delivery import Delivery
from cloud_api.presence import Presence
from cloud_api.reconcile.passes import Pass
from shared.errors import Unavailable
from shared.logs import get_logger
from shared.timing import Timing

log = get_logger(__name__)

#: A pass is followed by a rest that is so many times as long.
_REST = 4


class Reconciler:
    """Runs passes one at a time on a thread, for as long as the process lives."""

    def __init__(self, work: Pass, *, presence: Presence, delivery: Delivery, timing: Timing) -> None:
        self._work = work
        self._presence = presence
        self._delivery = delivery
        self._timing = timing
        self._wanted = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def poke(self) -> None:
        """Ask for a pass; from any thread, as often as one likes."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wanted.set)

    async def run(self) -> None:
        """Run a pass at once, then at every trigger; ends when it is cancelled."""
        self._loop = loop = asyncio.get_running_loop()
        next_in, alive, rest_until = 0.0, self._presence.alive(), 0.0
        while True:
            await self._wait(next_in, alive)
            # Triggers come in swarms, and one pass serves them all. A long one leaves most of the time to requests.
            await asyncio.sleep(rest_until - loop.time())
            self._wanted.clear()
            began = loop.time()
            # Who is lost while the pass runs is news for the next one.
            alive = self._presence.alive()
            try:
                next_in = await asyncio.to_thread(self._work.run)
            except Unavailable as error:
                # Level-triggered: whatever this pass did not see is still there for the next one.
                log.warning("reconcile_put_off", code=error.code, cause=error.details.get("cause"))
                next_in = self._timing.reconnect * 6
            except Exception:  # the only code that repairs must not end because one pass broke
                log.exception("reconcile_broke")
                next_in = self._timing.reconnect * 6
            rest_until = loop.time() + max(self._timing.pace, _REST * (loop.time() - began))

    async def watch_mailbox(self) -> None:
        """While Redis is lost, ask for it every few seconds and reconcile when it is back; else cost nothing."""
        while True:
            await asyncio.sleep(self._timing.reconnect)
            if self._delivery.configured and not self._delivery.works and await asyncio.to_thread(self._delivery.probe):
                self.poke()

    async def _wait(self, seconds: float, alive: frozenset[str]) -> None:
        """Return after ``seconds``, at a trigger, or when one of ``alive`` is lost; not because one might have been."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while (left := deadline - loop.time()) > 0 and alive <= self._presence.alive():
            until_loss = self._presence.next_loss()
            patience = left if until_loss is None else min(left, until_loss + 0.05)
            try:
                await asyncio.wait_for(self._wanted.wait(), patience)
            except TimeoutError:
                continue
            return
