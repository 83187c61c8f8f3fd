"""Asking over lines: an answer that can be taken comes back, and who asked is told in time when there is none."""

from __future__ import annotations

import asyncio
import time

import pytest

from cloud_api.lines import Lines
from shared.errors import InvalidRequest, NotAnswered, NotFound, NoWorker, TooLate
from shared.nodes.line import MAX_BODY
from shared.timing import Timing
from tests.unit.cloud_core.line_world import ATTIC, CELLAR, DEN, Peer, ask, open_all
from tests.unit.plane.asyncio_apart import run_apart


@pytest.fixture
def lines() -> Lines:
    """Lines with the product's times."""
    return Lines(timing=Timing())


def test_an_answer_reaches_who_asked(lines: Lines) -> None:
    """The first worker that holds a line is asked, with the milliseconds that are left, and its answer comes back."""

    async def life() -> None:
        with Peer(lines, DEN) as den, Peer(lines, ATTIC) as attic:
            await open_all(den, attic)
            asking = ask(lines, CELLAR, ATTIC, DEN, seconds=3.0)
            request = await attic.request()
            attic.acknowledge(request.id)
            attic.acknowledge(request.id)
            in_hand = lines.in_hand(ATTIC)
            attic.answer(request.id, body={"text": "hi"})
            answered = await asking

            assert (request.kind, request.body) == ("echo", {"text": "hi"})
            assert 2000 < request.milliseconds <= 3000
            assert (answered.worker, answered.body, answered.hops) == (ATTIC, {"text": "hi"}, 0)
            assert (in_hand, lines.in_hand(ATTIC), lines.in_hand(DEN)) == (1, 0, 0)

    run_apart(life())


def test_an_answer_needs_no_acknowledgement(lines: Lines) -> None:
    """A worker that answers at once need not say first that the request arrived."""

    async def life() -> None:
        with Peer(lines) as den:
            await den.open()
            asking = ask(lines, DEN)

            den.answer((await den.request()).id, body={"text": "hi"})

            assert (await asking).worker == DEN

    run_apart(life())


@pytest.mark.parametrize("acknowledges", [False, True], ids=["silent", "frozen"])
def test_nobody_waits_past_the_deadline(lines: Lines, acknowledges: bool) -> None:
    """When no worker answers, who asked is told at the deadline: not before it, and not later."""

    async def life() -> None:
        with Peer(lines, DEN) as den, Peer(lines, ATTIC) as attic:
            await open_all(den, attic)
            began = time.monotonic()
            asking = ask(lines, DEN, ATTIC, seconds=0.3)
            request = await den.request()
            if acknowledges:
                den.acknowledge(request.id)
            with pytest.raises(NotAnswered, match="den"):
                await asking

            assert 0.3 <= time.monotonic() - began < 0.6

    run_apart(life())


def test_an_answer_after_the_deadline_is_too_late(lines: Lines) -> None:
    """Nobody takes an answer whose time is over."""

    async def life() -> None:
        with Peer(lines) as den:
            await den.open()
            asking = ask(lines, DEN, seconds=0.1)
            request = await den.request()
            with pytest.raises(NotAnswered):
                await asking

            with pytest.raises(TooLate):
                den.answer(request.id, body={})

    run_apart(life())


def test_only_who_was_asked_may_answer(lines: Lines) -> None:
    """A worker that was not asked, an unknown id and a second answer are all refused."""

    async def life() -> None:
        with Peer(lines, DEN) as den, Peer(lines, ATTIC) as attic:
            await open_all(den, attic)
            asking = ask(lines, DEN)
            request = await den.request()
            for who, what in ((attic, request.id), (den, "0" * 16), (attic, den.held.hello.id)):
                with pytest.raises(TooLate):
                    who.answer(what, body={})
                with pytest.raises(TooLate):
                    who.acknowledge(what)
            den.answer(request.id, body={"by": "den"})
            with pytest.raises(TooLate):
                den.answer(request.id, body={"by": "somebody else"})

            assert (await asking).body == {"by": "den"}

    run_apart(life())


def test_an_error_is_handed_on_or_told(lines: Lines) -> None:
    """After one worker's error the next is asked; when that fails too, who asked is told at once, with the reason."""

    async def life() -> None:
        with Peer(lines, DEN) as den, Peer(lines, ATTIC) as attic:
            await open_all(den, attic)
            began = time.monotonic()
            asking = ask(lines, DEN, ATTIC, seconds=5.0)
            den.answer((await den.request()).id, error="no model")
            request = await attic.request()
            attic.answer(request.id, error="no memory")
            with pytest.raises(NotAnswered, match="no memory"):
                await asking
            with pytest.raises(TooLate):
                attic.answer(request.id, body={})

            assert time.monotonic() - began < 1

    run_apart(life())


def test_what_is_not_there_is_told_at_once(lines: Lines) -> None:
    """When one worker says that there is no such thing, nobody else is asked, nor waited for who was asked before."""

    async def life() -> None:
        with Peer(lines, DEN) as den, Peer(lines, ATTIC) as attic, Peer(lines, CELLAR) as cellar:
            await open_all(den, attic, cellar)
            began = time.monotonic()
            asking = ask(lines, DEN, ATTIC, CELLAR, seconds=5.0)
            await den.request()
            attic.answer((await attic.request()).id, error="There is no such commit.", missing=True)
            with pytest.raises(NotFound, match=r"^There is no such commit\. Nothing was changed\.$"):
                await asking

            assert time.monotonic() - began < 4
            assert cellar.held.in_hand == 0

    run_apart(life())


def test_what_is_passed_on_goes_through_the_house(lines: Lines) -> None:
    """Workers that pass a request on broke nothing: the third is asked too, and the last word is told."""

    async def life() -> None:
        with Peer(lines, DEN) as den, Peer(lines, ATTIC) as attic, Peer(lines, CELLAR) as cellar:
            await open_all(den, attic, cellar)
            for last, body in (("It is here.", {"by": "cellar"}), ("No folder.", None)):
                asking = ask(lines, DEN, ATTIC, CELLAR)
                for peer in (den, attic):
                    peer.answer((await peer.request()).id, error="It has no token.", elsewhere=True)
                cellar.answer((await cellar.request()).id, body=body, error=None if body else last, elsewhere=not body)
                if body:
                    assert (await asking).body == body
                else:
                    with pytest.raises(NotAnswered, match=r"cellar.*: No folder\. Nothing was changed\."):
                        await asking

    run_apart(life())


def test_without_a_line_nobody_waits(lines: Lines) -> None:
    """When none of the workers holds an open line, that is said at once."""

    async def life() -> None:
        with Peer(lines, DEN) as den:
            await den.event()
            for order in ((), (DEN,), (ATTIC,)):
                with pytest.raises(NoWorker):
                    await ask(lines, *order)

    run_apart(life())


def test_who_leaves_takes_the_request_along(lines: Lines) -> None:
    """A request whose asker is cancelled is forgotten; its answer is too late, and it is not even written any more."""

    async def life() -> None:
        with Peer(lines, DEN) as den:
            await den.open()
            taken = ask(lines, DEN)
            first = await den.request()
            unread = ask(lines, DEN)
            await asyncio.sleep(0)
            for asking in (taken, unread):
                asking.cancel()
            await asyncio.wait((taken, unread))
            with pytest.raises(TooLate):
                den.answer(first.id, body={})
            third = ask(lines, DEN, body={"text": "third"})

            request = await den.request()
            den.answer(request.id, body={})
            await third

            assert request.body == {"text": "third"}
            assert lines.in_hand(DEN) == 0

    run_apart(life())


def test_a_request_must_fit_a_line(lines: Lines) -> None:
    """A body that is too large for a line is refused before anybody is asked."""

    async def life() -> None:
        with Peer(lines) as den:
            await den.open()
            with pytest.raises(InvalidRequest):
                await ask(lines, DEN, body={"text": "x" * MAX_BODY})

    run_apart(life())
