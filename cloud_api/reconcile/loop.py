"""When to run a pass: at a trigger or at the time that the last pass named, never by an idle clock."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from cloud_api.delivery import Delivery
from cloud_api.presence import Presence
from cloud_api.reconcile.passes import Pass
from shared.errors import Unavailable
from shared.logs import get_logger
from shared.timing import Timing

log = get_logger(__name__)

#: A pass is followed by a rest that is so many times as long, up to as many seconds.
_REST, _LONGEST_REST = 4, 2.0


class Reconciler:
    """Runs passes one at a time on a thread, for as long as the process lives."""

    def __init__(self, work: Pass, *, presence: Presence, delivery: Delivery, timing: Timing) -> None:
        self._work = work
        self._presence = presence
        self._delivery = delivery
        self._timing = timing
        self._due = 0.0
        self._sooner = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def poke(self) -> None:
        """Ask for a pass now; from any thread, as often as one likes."""
        self._ask(0.0)

    def remind(self) -> None:
        """Ask for a pass once a new job has had its moment to be taken; so too from any thread."""
        self._ask(self._timing.settle)

    async def run(self) -> None:
        """Run a pass at once, then at every trigger; ends when it is cancelled."""
        self._loop = loop = asyncio.get_running_loop()
        self._due, alive, rest_until = loop.time(), self._presence.alive(), 0.0
        while True:
            await self._wait(alive)
            # Triggers come in swarms, and one pass serves them all. A long one leaves most of the time to requests.
            await asyncio.sleep(rest_until - loop.time())
            began = loop.time()
            self._due = began + self._timing.reconcile_every
            # Who is lost while the pass runs is news for the next one.
            alive = self._presence.alive()
            try:
                self._want(await asyncio.to_thread(self._work.run))
            except Unavailable as error:
                # Level-triggered: whatever this pass did not see is still there for the next one.
                log.warning("reconcile_put_off", code=error.code, cause=error.details.get("cause"))
                self._want(self._timing.reconnect * 6)
            except Exception:  # the only code that repairs must not end because one pass broke
                log.exception("reconcile_broke")
                self._want(self._timing.reconnect * 6)
            rest_until = loop.time() + rest_after(loop.time() - began, pace=self._timing.pace)

    async def watch_mailbox(self) -> None:
        """While Redis is lost, ask for it every few seconds and reconcile when it is back; else cost nothing."""
        while True:
            await asyncio.sleep(self._timing.reconnect)
            if self._delivery.configured and not self._delivery.works and await asyncio.to_thread(self._delivery.probe):
                self.poke()

    def _ask(self, within: float) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._want, within)

    def _want(self, within: float) -> None:
        due = asyncio.get_running_loop().time() + within
        if due < self._due:
            self._due = due
            self._sooner.set()

    async def _wait(self, alive: frozenset[str]) -> None:
        """Return when a pass is due, or when one of ``alive`` is lost; not because one might have been."""
        loop = asyncio.get_running_loop()
        while (left := self._due - loop.time()) > 0 and alive <= self._presence.alive():
            until_loss = self._presence.next_loss()
            patience = left if until_loss is None else min(left, until_loss + 0.05)
            self._sooner.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._sooner.wait(), patience)


def rest_after(seconds: float, *, pace: float) -> float:
    """Return for how many seconds to rest after a pass that took so many; two passes are ``pace`` apart at least."""
    return max(pace, min(_REST * seconds, _LONGEST_REST))
