"""Searches over real lines: the ledger is a twin, workers are peers that answer as the test says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from plane_factories import a_heartbeat
from search_twins import NamesTwin, TextLedger

from cloud_api.lines import Lines
from cloud_api.presence import Presence
from cloud_api.services.line import Line
from cloud_api.services.search.answers import Found
from cloud_api.services.search.asking import Asked, question
from cloud_api.services.search.breaker import Breaker
from cloud_api.services.search.cache import Cache
from cloud_api.services.search.homes import Homes
from cloud_api.services.search.names import Names
from cloud_api.services.search.pointers import Pointers
from cloud_api.services.search.service import Search
from shared.ledger.names import NamesReader
from shared.ledger.records import DEFAULT_TENANT
from shared.ledger.repositories import Repository, RepositoryReader
from shared.nodes.capabilities import Capabilities
from shared.nodes.search import Question
from shared.timing import Timing
from tests.unit.cloud_core.line_world import DEN, Peer


class SearchHouse:
    """Everything between a question and the lines."""

    def __init__(
        self,
        *repositories: Repository,
        reader: RepositoryReader | None = None,
        names: NamesReader | None = None,
    ) -> None:
        """``reader`` and ``names``: a real ledger's, in place of the twins."""
        self.texts, self.names = TextLedger(list(repositories)), NamesTwin()
        self.lines, self.presence = Lines(timing=Timing()), Presence(timing=Timing())
        #: Seconds by which what is remembered is older than it is.
        self.passed = 0.0
        #: Changes when a job moves.
        self.version = 0
        line = Line(lines=self.lines, presence=self.presence, epoch=lambda: 7)
        self.pointers = Pointers(reader or cast(RepositoryReader, self.texts), moved=lambda: self.version)
        self.cache = Cache(clock=self._clock)
        self.search = Search(
            pointers=self.pointers,
            homes=Homes(line=line, presence=self.presence, breaker=Breaker(clock=self._clock)),
            names=Names(names or cast(NamesReader, self.names)),
            cache=self.cache,
        )

    def hear(self, worker: str = DEN, **said: Any) -> None:
        """Hear a heartbeat."""
        capabilities = Capabilities(node=worker.partition(".")[0], cpus=8)
        self.presence.hear(a_heartbeat(worker=worker, capabilities=capabilities, **said))

    async def ask(self, query: str = "where is a token checked", *, milliseconds: int = 2_000, **how: Any) -> Found:
        """Ask something."""
        asked = Asked(tenant=DEFAULT_TENANT, query=question(query), milliseconds=milliseconds, **how)
        return await self.search.ask(asked)

    @asynccontextmanager
    async def worker(self, name: str = DEN) -> AsyncIterator[Desk]:
        """Have a worker hold an open line while the block runs; it answers what is put on its desk."""
        self.hear(name)
        with Peer(self.lines, name) as peer:
            await peer.open()
            desk = Desk(peer)
            serving = asyncio.create_task(desk.serve())
            yield desk
            serving.cancel()

    def _clock(self) -> float:
        return time.monotonic() + self.passed


class Desk:
    """What a worker was asked, and what it answers; without an answer it keeps silent."""

    def __init__(self, peer: Peer) -> None:
        self.asked: list[Question] = []
        self.answer: dict[str, Any] | None = None
        self.error: str | None = None
        #: Clear: it holds its answers back.
        self.free = asyncio.Event()
        self.free.set()
        #: Set: it was asked something.
        self.came = asyncio.Event()
        self._peer = peer

    async def serve(self) -> None:
        """Take questions until somebody ends it."""
        while True:
            name, data = await self._peer.event()
            assert (name, data["kind"]) == ("request", "search")
            self._peer.acknowledge(data["id"])
            self.asked.append(Question.model_validate(data["body"]))
            self.came.set()
            await self.free.wait()
            if self.error is not None:
                self._peer.answer(data["id"], error=self.error)
            elif self.answer is not None:
                self._peer.answer(data["id"], body=self.answer)
