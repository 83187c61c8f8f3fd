"""Who is asked: the least loaded worker that is there, or the one that is named."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from plane_factories import a_heartbeat, a_report, a_running_job

from cloud_api.lines import Lines
from cloud_api.presence import Presence
from cloud_api.services.line import Echo, Line
from shared.errors import NotAnswered, NotFound, NoWorker
from shared.nodes.capabilities import Capabilities
from shared.timing import Timing
from tests.unit.cloud_core.line_world import ATTIC, CELLAR, DEN, Peer
from tests.unit.plane.asyncio_apart import run_apart


class House:
    """Lines, and a presence that hears what the test says."""

    def __init__(self) -> None:
        self.lines, self.presence = Lines(timing=Timing()), Presence(timing=Timing())
        self.line = Line(lines=self.lines, presence=self.presence, epoch=lambda: 7)

    def hear(self, worker: str, **said: Any) -> None:
        """Hear a heartbeat."""
        capabilities = Capabilities(node=worker.partition(".")[0], cpus=8)
        self.presence.hear(a_heartbeat(worker=worker, capabilities=capabilities, **said))

    def echo(self, whom: str | None = None, *, seconds: float = 1.0) -> asyncio.Task[Echo]:
        """Ask for an echo."""
        return asyncio.create_task(self.line.echo("hi", seconds=seconds, whom=whom))


async def _echoes(peer: Peer) -> None:
    request = await peer.request()
    peer.answer(request.id, body=dict(request.body))


@pytest.fixture
def house() -> House:
    """A house in which nobody was heard."""
    return House()


def test_the_least_loaded_worker_is_asked(house: House) -> None:
    """Attempts and requests in hand for each slot decide first; equals are told apart by their round trips."""

    async def life() -> None:
        house.hear(DEN, attempts=(a_report(a_running_job()),), slots=1)
        house.hear(ATTIC, attempts=(a_report(a_running_job()),), slots=4)
        house.hear(CELLAR, attempts=(a_report(a_running_job()),), slots=4)
        with Peer(house.lines, DEN) as den, Peer(house.lines, ATTIC) as attic, Peer(house.lines, CELLAR) as cellar:
            for peer in (den, attic, cellar):
                await peer.open()
            attic.held.round_trip, cellar.held.round_trip = 0.05, 0.02
            first = house.echo()
            await asyncio.sleep(0)
            second = house.echo()
            await _echoes(attic)
            await _echoes(cellar)

            assert ((await first).worker, (await second).worker) == (CELLAR, ATTIC)

    run_apart(life())


def test_a_hand_full_of_short_jobs_is_the_load_of_one_slot(house: House) -> None:
    """A worker with one of two slots in use is asked before one whose only slot is, whatever its hand holds."""

    async def life() -> None:
        house.hear(DEN, attempts=tuple(a_report(a_running_job()) for _ in range(8)), at_work=1, slots=2)
        house.hear(ATTIC, attempts=(a_report(a_running_job()),), slots=1)
        with Peer(house.lines, DEN) as den, Peer(house.lines, ATTIC) as attic:
            for peer in (den, attic):
                await peer.open()
            echo = house.echo()
            await _echoes(den)

            assert (await echo).worker == DEN

    run_apart(life())


@pytest.mark.parametrize("whom", [ATTIC, "attic"], ids=["worker", "node"])
def test_a_named_worker_is_asked(house: House, whom: str) -> None:
    """A worker is named by its id or by its node, and nobody else is asked then."""

    async def life() -> None:
        house.hear(DEN)
        house.hear(ATTIC, attempts=(a_report(a_running_job()),))
        with Peer(house.lines, DEN) as den, Peer(house.lines, ATTIC) as attic:
            await den.open()
            await attic.open()
            asking = house.echo(whom)
            await _echoes(attic)
            echo = await asking

            assert (echo.worker, echo.node, echo.hops, echo.text) == (ATTIC, "attic", 0, "hi")
            assert 0 <= echo.round_trip_ms < 1000

    run_apart(life())


def test_a_node_is_asked_first_and_the_others_after_it(house: House) -> None:
    """Who is at work on the node that should know goes before idle ones; when it passes, the others are asked."""

    async def life() -> None:
        house.hear(DEN)
        house.hear(ATTIC, attempts=(a_report(a_running_job()),))
        with Peer(house.lines, DEN) as den, Peer(house.lines, ATTIC) as attic:
            await den.open()
            await attic.open()
            asking = asyncio.create_task(house.line.ask("changes", {}, seconds=2.0, first="attic"))
            attic.answer((await attic.request()).id, error="It has no token.", elsewhere=True)
            den.answer((await den.request()).id, body={"changes": []})

            assert (await asking).worker == DEN

    run_apart(life())


def test_who_is_not_there_is_not_asked(house: House) -> None:
    """A worker that said goodbye or that nobody heard is not asked, whatever line it still holds."""

    async def life() -> None:
        house.hear(DEN, goodbye="stopping")
        with Peer(house.lines, DEN) as den, Peer(house.lines, ATTIC) as attic:
            await den.open()
            await attic.open()
            with pytest.raises(NoWorker):
                await house.echo()

    run_apart(life())


def test_a_named_worker_without_a_line_is_told_apart_from_none(house: House) -> None:
    """A worker that was heard and holds no line is one thing, a name that nobody knows another."""

    async def life() -> None:
        house.hear(DEN)
        with pytest.raises(NoWorker, match="den holds no line"):
            await house.echo("den")
        with pytest.raises(NotFound):
            await house.echo("attic")

    run_apart(life())


def test_another_text_is_no_echo(house: House) -> None:
    """A worker that answers something else is not believed."""

    async def life() -> None:
        house.hear(DEN)
        with Peer(house.lines, DEN) as den:
            await den.open()
            asking = house.echo()
            den.answer((await den.request()).id, body={"text": "ho"})
            with pytest.raises(NotAnswered, match="not with the text"):
                await asking

    run_apart(life())
