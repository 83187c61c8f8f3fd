"""What this worker says of itself in a heartbeat."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from edge_worker import machine
from edge_worker.claims import Claims
from edge_worker.duty import OwnDuty
from edge_worker.hand import Hand
from edge_worker.line import Line
from edge_worker.searching.asked import Searches
from edge_worker.slots import Slots
from shared.ledger.migrate import latest_version
from shared.ledger.postgres import Database
from shared.mailbox.lanes import Mailbox
from shared.nodes.capabilities import Capabilities
from shared.nodes.heartbeat import Goodbye, Heartbeat


@dataclass(frozen=True, kw_only=True)
class Portrait:
    """Looks at every part of the worker; called on the thread that tells the plane."""

    worker: str
    version: str
    capabilities: Capabilities
    slots: int
    hand: Hand
    claims: Claims
    duty: OwnDuty
    work: Slots
    line: Line
    searches: Searches
    gpus: machine.GpuWatch | None
    databases: Collection[Database]
    mailboxes: Collection[Mailbox]

    def __call__(self, goodbye: Goodbye | None) -> Heartbeat:
        """Return the heartbeat of this moment."""
        running, ended = self.hand.show()
        power, battery = machine.power()
        return Heartbeat(
            worker=self.worker,
            version=self.version,
            schema_version=latest_version(),
            capabilities=self.capabilities,
            slots=self.slots,
            attempts=running,
            at_work=self.work.busy,
            ended=ended,
            mailbox=self.claims.reaches_mailbox,
            transport=self.claims.transport,
            line=self.line.state,
            duty=self.duty.now,
            memory_mib=machine.memory(self._pids()),
            load=machine.load(),
            gpus=self.gpus.look() if self.gpus is not None else (),
            power=power,
            battery=battery,
            redis_commands=sum(mailbox.commands for mailbox in self.mailboxes),
            ledger_idle=idle(self.databases),
            goodbye=goodbye,
        )

    def _pids(self) -> Iterator[int]:
        yield os.getpid()
        yield from self.work.pids
        if (search := self.searches.pid) is not None:
            yield search


def idle(databases: Collection[Database]) -> float | None:
    """Return the seconds since Postgres was last used over any of them."""
    ages = [age for _, age in (database.known for database in databases) if age is not None]
    return min(ages, default=None)


def product_version() -> str:
    """Return the version of Pharos that is installed, or ``source`` when it runs from a checkout."""
    try:
        return version("pharos")
    except PackageNotFoundError:
        return "source"
