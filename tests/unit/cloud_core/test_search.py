"""A search from the question to the answer: who is asked, what is remembered, and what is said without anybody."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any, get_args

import pytest
from search_twins import a_hit, a_named_file, a_searchable, a_text, an_answer

from shared.errors import InvalidRequest, LedgerUnavailable, NotFound, Unavailable
from shared.nodes.search import Degraded, Filters
from tests.unit.cloud_core.line_world import ATTIC, CELLAR, DEN
from tests.unit.cloud_core.search_world import SearchHouse
from tests.unit.plane.asyncio_apart import run_apart

API = a_searchable()
DOCS = a_searchable("github.com/acme/docs", node="attic", generation=3)


def test_the_home_is_asked_and_its_answer_comes_back() -> None:
    """The node that has the text is asked with the published generation, and a hit says where it stands."""

    async def life() -> None:
        house = SearchHouse(API)
        async with house.worker(ATTIC) as attic, house.worker(DEN) as den:
            den.answer = an_answer(a_hit(API))
            found = await house.ask(filters=Filters(path="src/"))

            (hit,) = found.hits
            assert hit.ref == f"github.com/acme/api@{'c' * 40}:src/auth.py:10-24"
            assert (found.source, found.degraded, found.ranker, found.model) == ("worker", None, "linear-1", "small")
            assert (found.timings["embed"], found.timings["line"] > 0) == (4.0, True)
            (question,) = den.asked
            assert [(one.collection, one.generation) for one in question.targets] == [("text_small_384_0123abcd", 7)]
            assert (question.query, question.filters.path) == ("where is a token checked", "src/")
            assert 1_000 < question.milliseconds < 2_000
            assert attic.asked == []

    run_apart(life())


def test_a_question_asked_again_is_answered_from_memory() -> None:
    """However it is written, with whatever blanks or accents, the same question is asked of a worker once."""

    async def life() -> None:
        house = SearchHouse(API)
        async with house.worker() as den:
            den.answer = an_answer(a_hit(API))
            first = await house.ask("caf\u00e9  token")
            again = await house.ask(" cafe\u0301 token\n")
            other = await house.ask("caf\u00e9 token", limit=3)

            assert (first.source, again.source, other.source) == ("worker", "cache", "worker")
            assert (again.hits, again.ranker, again.model) == (first.hits, first.ranker, first.model)
            assert (len(den.asked), house.texts.reads) == (2, 1)
            assert (house.search.figures.answered, house.search.figures.cached) == (3, 1)

    run_apart(life())


def test_a_thousand_equal_questions_are_one() -> None:
    """Who asks while it is being asked waits for the same answer, also when the first one leaves."""

    async def life() -> None:
        house = SearchHouse(API)
        async with house.worker() as den:
            den.answer = an_answer(a_hit(API))
            den.free.clear()
            asking = [asyncio.create_task(house.ask()) for _ in range(1_000)]
            await den.came.wait()
            asking[0].cancel()
            den.free.set()
            found = await asyncio.gather(*asking[1:])

            assert {one.source for one in found} == {"worker"}
            assert (len(den.asked), house.texts.reads) == (1, 1)

    run_apart(life())


def test_what_was_published_since_is_searched_anew() -> None:
    """An answer belongs to its generations: after a publish the worker is asked again, with the new one."""

    async def life() -> None:
        house = SearchHouse(API)
        async with house.worker() as den:
            den.answer = an_answer(a_hit(API))
            await house.ask()
            house.texts.repositories = [replace(API, text=a_text(generation=8))]
            before = await house.ask()
            house.version += 1
            after = await house.ask()
            house.texts.repositories = [replace(API, text=a_text(generation=9))]
            house.pointers.forget()
            last = await house.ask()

            assert [one.source for one in (before, after, last)] == ["cache", "worker", "worker"]
            assert [one.targets[0].generation for one in den.asked] == [7, 8, 9]

    run_apart(life())


def test_an_earlier_answer_is_better_than_names() -> None:
    """While nobody is there, the answer of an earlier generation is given as stale for a day, then names are."""

    async def life() -> None:
        house = SearchHouse(API)
        house.names.files = [a_named_file(API, path="src/token.py")]
        async with house.worker() as den:
            den.answer = an_answer(a_hit(API))
            await house.ask()
        house.texts.repositories = [replace(API, text=a_text(generation=8))]
        house.version += 1
        stale = await house.ask()
        house.passed = 86_500
        names = await house.ask()

        assert (stale.source, stale.degraded, [hit.path for hit in stale.hits]) == (
            "stale",
            "home_missing",
            ["src/auth.py"],
        )
        assert stale.notes == ("den holds this index and holds no line: this is an answer from before",)
        assert (names.source, [hit.path for hit in names.hits]) == ("names", ["src/token.py"])

    run_apart(life())


def test_an_earlier_answer_has_nothing_of_what_was_removed() -> None:
    """A removed repository is gone from every answer at once, from remembered ones too."""

    async def life() -> None:
        house = SearchHouse(API, DOCS)
        async with house.worker(DEN) as den, house.worker(ATTIC) as attic:
            den.answer, attic.answer = an_answer(a_hit(API)), an_answer(a_hit(DOCS))
            whole = await house.ask()
        house.texts.repositories = [DOCS]
        house.version += 1
        stale = await house.ask()

        assert {hit.repository for hit in whole.hits} == {API.name, DOCS.name}
        assert (stale.source, {hit.repository for hit in stale.hits}) == ("stale", {DOCS.name})

    run_apart(life())


def test_names_answer_while_everybody_sleeps() -> None:
    """Paths and symbols are found, of the wanted sort alone, and it is said who has the index and where it is."""

    async def life() -> None:
        house = SearchHouse(API)
        house.hear(DEN, goodbye="sleeping")
        house.names.files = [
            a_named_file(API),
            a_named_file(API, path="src/token.py", names=(), score=0.9),
            a_named_file(API, path="token.go", language="go", names=(), score=0.2),
        ]
        found = await house.ask()
        chosen = await house.ask(filters=Filters(kinds=("function",), languages=("python",)))

        assert [(hit.path, hit.symbol, hit.start, hit.by) for hit in found.hits] == [
            ("src/token.py", "", 0, "names"),
            ("src/auth.py", "check_token", 10, "names"),
            ("token.go", "", 0, "names"),
        ]
        assert (found.source, found.degraded) == ("names", "home_missing")
        assert found.notes == ("den holds this index and sleeps: names only",)
        assert found.hits[0].ref == f"github.com/acme/api@{'c' * 40}:src/token.py"
        assert [hit.path for hit in chosen.hits] == ["src/auth.py"]
        # Never remembered: the worker may be back at any moment.
        assert (await house.ask()).source == "names"

    run_apart(life())


def test_an_absent_home_is_named_beside_what_others_answer() -> None:
    """Hits of the homes that are there come with names of the one that is not, and all of it is said."""

    async def life() -> None:
        house = SearchHouse(API, DOCS)
        house.names.files = [a_named_file(API, path="x/token.py"), a_named_file(DOCS, path="token.md", names=())]
        async with house.worker(DEN) as den:
            den.answer = an_answer(a_hit(API), a_hit(API, path="src/more.py", score=1.0))
            found = await house.ask()
            again = await house.ask()

            assert [hit.path for hit in found.hits] == ["src/auth.py", "token.md", "src/more.py"]
            assert [(one.node, one.repositories) for one in found.missing] == [("attic", ("github.com/acme/docs",))]
            assert found.notes == ("attic holds this index and was not heard in the last day: names only",)
            assert (found.source, found.degraded, again.source) == ("worker", "home_missing", "worker")
            assert house.names.asked[0]["repositories"] == [DOCS.id]

    run_apart(life())


def test_homes_are_asked_at_once_and_their_hits_alternate() -> None:
    """Scores of different homes mean nothing beside each other: first comes before second, whatever they score."""

    async def life() -> None:
        house = SearchHouse(API, DOCS)
        async with house.worker(DEN) as den, house.worker(ATTIC) as attic:
            den.answer = an_answer(a_hit(API, "a1", score=0.4), a_hit(API, "a2", score=0.3))
            attic.answer = an_answer(a_hit(DOCS, "d1", score=9.0), a_hit(DOCS, "d2", score=8.0), ranker="linear-2")
            den.free.clear()
            asking = asyncio.create_task(house.ask(limit=3))
            await asyncio.gather(den.came.wait(), attic.came.wait())
            den.free.set()
            found = await asking

            assert [hit.path for hit in found.hits] == ["d1", "a1", "d2"]
            assert (found.ranker, len(found.searched)) == ("linear-1, linear-2", 2)

    run_apart(life())


def test_text_in_a_server_is_asked_of_whoever_is_there() -> None:
    """With Qdrant every worker reaches the passages."""

    async def life() -> None:
        shared = a_searchable(vector_store="qdrant", node=None)
        house = SearchHouse(shared)
        async with house.worker(CELLAR) as cellar:
            cellar.answer = an_answer(a_hit(shared))
            found = await house.ask()

            assert (found.source, found.degraded) == ("worker", None)
        alone = await house.ask("something else")
        assert alone.notes == ("no worker that reaches this index is there: names only",)

    run_apart(life())


def test_many_repositories_are_several_questions() -> None:
    """A home with more repositories than one question takes is asked several at once."""

    async def life() -> None:
        many = [a_searchable(f"github.com/acme/r{number:03}") for number in range(120)]
        house = SearchHouse(*many)
        async with house.worker() as den:
            den.answer = an_answer(a_hit(many[0]))
            found = await house.ask()

            assert [len(one.targets) for one in den.asked] == [50, 50, 20]
            # Each question's answer is believed on what it was asked of alone.
            assert len(found.hits) == 1

    run_apart(life())


@pytest.mark.parametrize("less", get_args(Degraded))
def test_a_degraded_answer_says_so_and_is_not_remembered(less: str) -> None:
    """What a worker lacks is passed on with the time that it needs, and asked for again the next time."""

    async def life() -> None:
        house = SearchHouse(API)
        async with house.worker() as den:
            den.answer = an_answer(a_hit(API), model=None, degraded=less, ready_in=11.2)
            found = await house.ask()
            await house.ask()

            assert (found.degraded, found.ready_in, found.model) == (less, 11.2, None)
            assert "(ready in about 12 s)" in found.notes[0]
            assert (len(den.asked), house.search.figures.degraded) == (2, 2)

    run_apart(life())


def test_nothing_found_is_remembered_for_a_minute() -> None:
    """An empty answer is asked for again after 60 s, one with hits is not."""

    async def life() -> None:
        house = SearchHouse(API)
        async with house.worker() as den:
            den.answer = an_answer()
            sources = [(await house.ask()).source for _ in range(2)]
            house.passed = 61
            sources.append((await house.ask()).source)
            den.answer = an_answer(a_hit(API))
            await house.ask("another")
            house.passed = 200
            sources.append((await house.ask("another")).source)

            assert sources == ["worker", "cache", "worker", "cache"]

    run_apart(life())


def test_a_silent_home_costs_the_deadline_and_no_more() -> None:
    """Names come in place of its answer, before who asked has given up."""

    async def life() -> None:
        house = SearchHouse(API)
        house.names.files = [a_named_file(API)]
        async with house.worker():
            began = time.monotonic()
            found = await house.ask(milliseconds=400)

            assert 0.3 <= time.monotonic() - began < 0.4
            assert (found.source, found.degraded) == ("names", "not_answered")
            assert found.notes == ("den did not answer: names only",)

    run_apart(life())


def test_a_home_that_fails_again_and_again_is_spared() -> None:
    """After three failures in a row nobody is asked for 5 s; then one question tries, and an answer opens it again."""

    async def life() -> None:
        house = SearchHouse(API)
        async with house.worker() as den:
            den.error = "Its disk is gone."
            for number in range(4):
                await house.ask(f"token {number}")
            spared = await house.ask("token")
            asked = len(den.asked)
            house.passed = 5.1
            await house.ask("token 5")
            await house.ask("token 6")
            den.error, den.answer = None, an_answer(a_hit(API))
            house.passed = 10.3
            sources = [(await house.ask(f"token {number}")).source for number in (7, 8)]

            assert spared.notes == ("den left the last questions lying: names only",)
            assert (asked, len(den.asked)) == (3, 6)
            assert sources == ["worker", "worker"]

    run_apart(life())


def test_a_hurry_breaks_nobody() -> None:
    """Who is given next to no time and does not answer is asked again the next time."""

    async def life() -> None:
        house = SearchHouse(API)
        async with house.worker() as den:
            for number in range(5):
                await house.ask(f"token {number}", milliseconds=100)

            assert len(den.asked) == 5

    run_apart(life())


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"hits": "many", "ranker": "x", "model": None},
        {"hits": [{"path": "a"}], "ranker": "x", "model": None},
    ],
    ids=["empty", "kind", "half"],
)
def test_what_is_no_answer_is_none(body: dict[str, Any]) -> None:
    """A worker of another version, or one that lies, is a home that did not answer."""

    async def life() -> None:
        house = SearchHouse(API)
        async with house.worker() as den:
            den.answer = body
            found = await house.ask()

            assert (found.source, found.degraded) == ("names", "not_answered")

    run_apart(life())


def test_a_worker_is_believed_on_what_it_was_asked_alone() -> None:
    """Hits of other repositories, scores that are no numbers, places before a file, and odd stages are left out."""

    async def life() -> None:
        house = SearchHouse(API, DOCS)
        odd = [
            a_hit(DOCS),
            a_hit(API, "nan", score=float("nan")),
            a_hit(API, "zero", start=0),
            a_hit(API, "back", end=3),
        ]
        async with house.worker() as den:
            den.answer = an_answer(*odd, *(a_hit(API, f"{n}") for n in range(60)))
            den.answer["timings"] = {"rank": float("inf"), "x\r\nSet-Cookie: a": 1.0, "index": 1.0}
            found = await house.ask(repositories=("acme/api",), limit=50)
            again = await house.ask(repositories=("acme/api",), limit=50)

            assert [hit.path for hit in found.hits] == [f"{n}" for n in range(50)]
            assert set(found.timings) == {"repositories", "line", "index", "total"}
            assert again.hits == found.hits

    run_apart(life())


@pytest.mark.parametrize("wanted", ["github.com/acme/docs", "acme/docs", "docs", "Acme/Docs/", DOCS.id])
def test_a_repository_is_named_as_people_do(wanted: str) -> None:
    """An id, the whole name, or its end mean a repository, and nothing else is searched."""

    async def life() -> None:
        house = SearchHouse(API, DOCS)
        async with house.worker(ATTIC) as attic:
            attic.answer = an_answer(a_hit(DOCS))
            found = await house.ask(repositories=(wanted,))

            assert [one.repository for one in found.searched] == ["github.com/acme/docs"]

    run_apart(life())


def test_what_cannot_be_searched_is_said() -> None:
    """Without text, without such a repository, or with a name that means several, nobody is asked."""

    async def life() -> None:
        bare = replace(a_searchable("github.com/acme/bare"), text=None)
        with pytest.raises(NotFound, match="pharos submit REPO --content both"):
            await SearchHouse().ask()
        with pytest.raises(NotFound, match="pharos submit REPO --content both"):
            await SearchHouse(bare).ask()
        house = SearchHouse(API, bare, a_searchable("gitlab.com/acme/api"))
        with pytest.raises(NotFound, match=r"pharos submit github\.com/acme/bare --content both"):
            await house.ask(repositories=("acme/bare",))
        with pytest.raises(NotFound, match="No repository 'acme/none'"):
            await house.ask(repositories=("acme/none",))
        with pytest.raises(InvalidRequest, match=r"github.com/acme/api, gitlab.com/acme/api"):
            await house.ask(repositories=("acme/api",))

    run_apart(life())


def test_what_was_just_published_is_found() -> None:
    """A repository that has no text as far as is known is looked up once more before that is said."""

    async def life() -> None:
        house = SearchHouse(replace(API, text=None))
        with pytest.raises(NotFound):
            await house.ask()
        house.texts.repositories = [API]
        async with house.worker() as den:
            den.answer = an_answer(a_hit(API))

            assert (await house.ask()).source == "worker"

    run_apart(life())


def test_what_moves_while_the_ledger_is_read_is_read_again() -> None:
    """Who asks after a publish does not wait for a reading that began before it, which may not have seen it."""

    async def life() -> None:
        house = SearchHouse(API)
        async with house.worker() as den:
            den.answer = an_answer(a_hit(API))
            house.texts.awake.clear()
            early = asyncio.create_task(house.ask())
            assert await asyncio.to_thread(house.texts.came.wait, 5)
            house.pointers.forget()
            late = asyncio.create_task(house.ask())
            await asyncio.sleep(0)
            house.texts.awake.set()
            await asyncio.gather(early, late)
            await house.ask()

            assert house.texts.reads == 2

    run_apart(life())


def test_without_the_ledger_what_was_known_goes_on() -> None:
    """While Postgres does not answer, what is known is searched and that is said; names cannot be had."""

    async def life() -> None:
        house = SearchHouse(API)
        async with house.worker() as den:
            den.answer = an_answer(a_hit(API))
            await house.ask()
            house.texts.error = house.names.error = LedgerUnavailable()
            house.version += 1
            known = await house.ask()

            assert (known.source, known.degraded) == ("cache", "ledger_unavailable")
        with pytest.raises(Unavailable, match="Nothing could be searched: den holds this index and holds no line"):
            await house.ask("another")

    run_apart(life())


def test_a_ledger_that_wakes_too_slowly_is_told_in_time() -> None:
    """At the deadline who asked is told; the reading goes on, for whoever asks next."""

    async def life() -> None:
        house = SearchHouse(API)
        house.texts.awake.clear()
        async with house.worker() as den:
            den.answer = an_answer(a_hit(API))
            began = time.monotonic()
            with pytest.raises(LedgerUnavailable, match="waking"):
                await house.ask(milliseconds=150)
            took = time.monotonic() - began
            house.texts.awake.set()
            found = await house.ask()

            assert (0.15 <= took < 0.4, found.source, house.texts.reads) == (True, "worker", 1)

    run_apart(life())


@pytest.mark.parametrize("text", ["", " \t\n", "\x1f", "x" * 2_001, "\ufb2c" * 1_999])
def test_a_question_has_bounds(text: str) -> None:
    """Nothing, blanks alone, and what is too long in its one form are refused before anybody is asked."""

    async def life() -> None:
        with pytest.raises(InvalidRequest, match="1 to 2,000"):
            await SearchHouse(API).ask(text)

    run_apart(life())
