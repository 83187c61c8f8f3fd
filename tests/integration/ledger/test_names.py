"""Names: files are found by the words of their symbols and paths, of one's own tenant alone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from ledger_world import REPOSITORY, TENANT_A, TENANT_B, Ledger, names_row, textual

from shared.ids import repository_id
from shared.ledger.names import NamedFile
from shared.ledger.records import DEFAULT_TENANT
from shared.textual import NamesRow
from shared.words import words


def _indexed(ledger: Ledger, *rows: NamesRow, repository: str = REPOSITORY, tenant: UUID = DEFAULT_TENANT) -> None:
    ledger.publish(ledger.running(repository, tenant=tenant), None, textual(*rows))


def _found(ledger: Ledger, query: str, *, tenant: UUID = DEFAULT_TENANT, **how: Any) -> list[NamedFile]:
    given: dict[str, Any] = {"repository_ids": None, "path": "", "limit": 10, **how}
    return ledger.names.search(words(query), tenant=tenant, **given)


def _paths(found: list[NamedFile]) -> list[str]:
    return [one.path for one in found]


def test_a_file_is_found_by_its_symbols_and_its_path(ledger: Ledger) -> None:
    """A symbol counts more than a path; the names that were meant come with their lines."""
    _indexed(
        ledger,
        names_row("net/retry.py", "connect", "HttpClient.back_off", "read"),
        names_row("net/backoff/__init__.py", "Policy"),
        names_row("ui/colours.py", "paint"),
    )

    found = _found(ledger, "where is back off computed?")

    assert _paths(found) == ["net/retry.py", "net/backoff/__init__.py"][: len(found)]
    best = found[0]
    assert (best.repository, best.language) == (REPOSITORY, "python")
    assert [(one.symbol, one.start, one.end) for one in best.names] == [("HttpClient.back_off", 6, 10)]
    assert _paths(_found(ledger, "colours")) == ["ui/colours.py"]
    assert _found(ledger, "colours")[0].names == ()


def test_a_rare_word_says_more_than_a_common_one(ledger: Ledger) -> None:
    """What every file has in its name puts none first."""
    common = [names_row(f"a{number}.py", "get_value") for number in range(20)]
    _indexed(ledger, *common, names_row("z.py", "get_token"))

    found = _found(ledger, "get token", limit=5)

    assert (found[0].path, len(found)) == ("z.py", 5)
    assert found[0].score > found[1].score


@pytest.mark.parametrize("query", ["", "the of and", "nowhere"])
def test_what_has_no_word_finds_nothing(ledger: Ledger, query: str) -> None:
    """A question without words, or with none that is there, has no answer."""
    _indexed(ledger, names_row("a.py", "back_off"))

    assert _found(ledger, query) == []


def test_a_search_may_look_in_some_repositories_or_folders(ledger: Ledger) -> None:
    """Repositories and the beginning of the path are respected."""
    _indexed(ledger, names_row("src/a.py", "back_off"), names_row("test/a.py", "back_off"))
    _indexed(ledger, names_row("src/b.py", "back_off"), repository="github.com/acme/other")
    other = repository_id(DEFAULT_TENANT, "github.com/acme/other")

    assert len(_found(ledger, "back_off")) == 3
    assert _paths(_found(ledger, "back_off", repository_ids=[other])) == ["src/b.py"]
    assert _paths(_found(ledger, "back_off", repository_ids=[])) == []
    assert sorted(_paths(_found(ledger, "back_off", path="src/"))) == ["src/a.py", "src/b.py"]


def test_another_tenants_names_are_nobodys(ledger: Ledger) -> None:
    """A tenant finds its own files, and no other's however it asks."""
    ledger.add_tenants(TENANT_A, TENANT_B)
    _indexed(ledger, names_row("mine.py", "back_off"), tenant=TENANT_A)
    _indexed(ledger, names_row("other.py", "back_off"), tenant=TENANT_B)
    other = repository_id(TENANT_B, REPOSITORY)

    assert _paths(_found(ledger, "back_off", tenant=TENANT_A)) == ["mine.py"]
    assert _found(ledger, "back_off", tenant=TENANT_A, repository_ids=[other]) == []


def test_any_path_and_any_symbol_is_kept(ledger: Ledger) -> None:
    """Names that are not UTF-8, quotes, backslashes and zeros are found as they are shown."""
    raw = b"caf\xe9/o'neil\\x.py".decode("utf-8", "surrogateescape")
    _indexed(ledger, names_row(raw, "it's\\a\0name", "größe_{1,2}"))

    (found,) = _found(ledger, "größe")

    assert found.path == "caf\\xe9/o'neil\\x.py"
    assert [one.symbol for one in found.names] == ["größe_{1,2}"]


def test_names_are_looked_up_and_not_read_through(ledger: Ledger) -> None:
    """Under row-level security, too, a search goes by the index of words."""
    _indexed(ledger, *(names_row(f"a{number}.py", f"name_{number}") for number in range(2_000)))
    with ledger.owner() as owner:
        owner.execute("analyze pharos.words")

    with ledger.app.transaction(DEFAULT_TENANT) as connection:
        plan = connection.execute(
            "explain select files.* from pharos.repositories r cross join lateral (select i.* from pharos.words i"
            " where i.repository_id = r.id and i.word = any(array['name', '7']) offset 0) files"
        ).fetchall()

    said = "\n".join(row["QUERY PLAN"] for row in plan)
    assert "words_pkey" in said
    assert "Seq Scan on words" not in said
