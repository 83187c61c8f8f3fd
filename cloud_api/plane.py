"""The life of the control plane: take over, keep reconciling, leave a note."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI

from cloud_api.delivery import Delivery
from cloud_api.dispatch import Dispatch
from cloud_api.keepsake import EVERY, Keepsake
from cloud_api.reconcile.loop import Reconciler
from cloud_api.tally import Tally
from cloud_api.usage import Usage
from shared.errors import ConfigurationError, LedgerUnavailable
from shared.ledger.keeper import Keeper
from shared.ledger.postgres import Database
from shared.logs import get_logger
from shared.timing import Timing

log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Plane:
    """What lives beside the requests."""

    databases: tuple[Database, ...]
    keeper: Keeper
    delivery: Delivery
    keepsake: Keepsake
    usage: Usage
    tally: Tally
    dispatch: Dispatch
    reconciler: Reconciler
    timing: Timing
    #: Ends the process: its settings are wrong, or it broke and is better started anew.
    give_up: Callable[[Exception], None]

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Serve at once; the ledger may take its time to wake up."""
        works = (self._live, self.reconciler.watch_mailbox, self._remember, self._count)
        tasks = [asyncio.create_task(self._guarded(work)) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(self._close)

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        """Nobody awaits these tasks: one that breaks takes the process with it, where somebody sees it."""
        try:
            await work()
        except Exception as error:
            log.exception("plane_broke")
            self.give_up(error)

    async def _live(self) -> None:
        await asyncio.to_thread(self._recall)
        if await self._take_over():
            await self.reconciler.run()

    async def _take_over(self) -> bool:
        while True:
            try:
                epoch = await asyncio.to_thread(self._check)
            except LedgerUnavailable as error:
                log.warning("ledger_lost", cause=error.details.get("cause"))
                await asyncio.sleep(self.timing.reconnect)
            except ConfigurationError as error:
                self.give_up(error)
                return False
            else:
                self.dispatch.epoch = epoch
                log.info("plane_took_over", epoch=epoch)
                return True

    def _check(self) -> int:
        for database in self.databases:
            database.check()
        return self.keeper.next_epoch()

    def _recall(self) -> None:
        self.keepsake.recall()
        self.tally.recall()

    async def _remember(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            await asyncio.to_thread(self.keepsake.keep)
            await asyncio.to_thread(self.tally.keep)

    async def _count(self) -> None:
        while True:
            await asyncio.sleep(self.timing.heartbeat)
            self.usage.look()

    def _close(self) -> None:
        self.keepsake.keep()
        self.tally.keep(last=True)
        self.delivery.close()
        for database in self.databases:
            database.close()
