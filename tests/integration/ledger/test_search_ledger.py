"""A search over a real ledger: what it reads there, and when."""

from __future__ import annotations

from uuid import UUID

from ledger_world import REPOSITORY, Ledger, names_row, textual
from search_twins import a_hit, a_searchable, an_answer

from shared.ledger.records import DEFAULT_TENANT
from shared.ledger.repositories import Repository, RepositoryReader
from tests.unit.cloud_core.search_world import SearchHouse
from tests.unit.plane.asyncio_apart import run_apart


class _Counting(RepositoryReader):
    """Counts the statements of searches."""

    reads = 0

    def page(self, *, tenant: UUID, after: str | None, limit: int) -> list[Repository]:
        """Return a page, as it is."""
        self.reads += 1
        return super().page(tenant=tenant, after=after, limit=limit)


def _publish(ledger: Ledger, *symbols: str) -> int:
    job = ledger.running()
    ledger.publish(job, None, textual(names_row("src/auth.py", *symbols)))
    assert job.generation is not None
    return job.generation


def test_the_ledger_is_read_when_something_was_published_and_not_else(ledger: Ledger) -> None:
    """Pointers come from the rows that a publish wrote; between two publishes nobody asks Postgres anything."""
    reader = _Counting(ledger.app)
    first = _publish(ledger, "check_token")
    home = next(iter(reader.page(tenant=DEFAULT_TENANT, after=None, limit=1))).text
    assert home is not None
    assert home.node is not None

    async def life() -> None:
        house = SearchHouse(reader=reader, names=ledger.names)
        reader.reads = 0
        async with house.worker(f"{home.node}.0123456789ab") as worker:
            worker.answer = an_answer(a_hit(a_searchable(REPOSITORY)))
            sources = [(await house.ask(query)).source for query in ("token", "token", "another")]
            quiet = reader.reads
            second = _publish(ledger, "check_key")
            house.pointers.forget()
            sources.append((await house.ask("token")).source)

            assert sources == ["worker", "cache", "worker", "worker"]
            assert [one.targets[0].generation for one in worker.asked] == [first, first, second]
            assert (quiet, reader.reads) == (1, 2)

    run_apart(life())


def test_names_are_found_as_they_were_published(ledger: Ledger) -> None:
    """Without a worker a symbol is found by a word of it, in its lines, under the name of its repository."""
    _publish(ledger, "open_door", "check_token")

    async def life() -> None:
        found = await SearchHouse(reader=ledger.repositories, names=ledger.names).ask("where are tokens checked?")

        (hit,) = found.hits
        assert (hit.repository, hit.path, hit.symbol, hit.start, hit.end) == (
            REPOSITORY,
            "src/auth.py",
            "check_token",
            6,
            10,
        )
        assert (hit.ref, found.source) == (f"{REPOSITORY}@{'b' * 40}:src/auth.py:6-10", "names")

    run_apart(life())


def test_a_hostile_question_is_only_words(ledger: Ledger) -> None:
    """Operators, quotes and statements in a question find names or none."""
    _publish(ledger, "check_token")

    async def life() -> None:
        house = SearchHouse(reader=ledger.repositories, names=ledger.names)
        hostile = ("token' & !b | (", "'; drop table pharos.names; -- token", "token\\' :*A <-> %s %(x)s", "\x00 token")
        found = [await house.ask(query) for query in hostile]

        assert [[hit.symbol for hit in one.hits] for one in found] == [["check_token"]] * 4

    run_apart(life())
