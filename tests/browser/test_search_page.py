"""Searching in a real browser: from the box to hits, and what hostile text in them cannot do."""

from __future__ import annotations

from plane_factories import a_heartbeat
from plane_twins import ADMIN
from playwright.sync_api import Page, expect
from search_twins import a_named_file, a_searchable
from served import Served

from shared.textual import Name

_API = a_searchable()
_HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>token"


def test_a_person_searches_and_hostile_names_are_only_text(page: Page, served: Served) -> None:
    """The box leads to hits with what they lack; markup in names is shown as it is, and nothing is asked again."""
    house = served.house
    house.texts.repositories = [_API]
    house.presence.hear(a_heartbeat(goodbye="sleeping"))
    symbol = Name(symbol=_HOSTILE, kind="function", start=7, end=9)
    house.names.files = [a_named_file(_API, path="src/<b>token</b>.py", names=(symbol,))]
    page.goto(served.url)
    page.get_by_label("Token").fill(ADMIN)
    page.get_by_role("button", name="Sign in").click()

    box = page.get_by_label("Search code and documents")
    box.fill("where is a <i>token</i> checked?")
    box.press("Enter")

    found = page.get_by_role("region", name="1 found among paths and symbols")
    expect(found).to_contain_text("src/<b>token</b>.py:7")
    expect(found).to_contain_text(f"function {_HOSTILE} in github.com/acme/api")
    expect(found).to_contain_text("den holds this index and sleeps: names only.")
    expect(page.get_by_label("Search code and documents")).to_have_value("where is a <i>token</i> checked?")
    assert found.locator("img, script, b, i").count() == 0
    # Without a script nothing is asked again.
    assert page.locator("script").count() == 0

    page.get_by_label("Search code and documents").fill(" ")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#said")).to_contain_text("A question has 1 to 2,000 characters")
