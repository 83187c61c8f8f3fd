"""The page in a real browser: signing in, submitting, watching, and what hostile names cannot do."""

from __future__ import annotations

import pytest
from plane_factories import a_heartbeat, a_job, a_report, a_running_job, an_ended_job
from plane_twins import ADMIN, AS_ADMIN
from playwright.sync_api import Page, expect
from served import Served

from shared.jobs.states import State

_HOSTILE = "github.com/acme/<img src=x onerror=alert(1)><script>alert(2)</script>"
_LONG = "github.com/an-organisation-with-a-long-name/" + "a-very-long-repository-name-" * 4


def _sign_in(page: Page, served: Served) -> None:
    page.goto(served.url)
    page.get_by_label("Token").fill(ADMIN)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Index a repository")).to_be_visible()


def _fill(served: Served, repository: str = "github.com/acme/api") -> None:
    running = a_running_job(repository=repository)
    failed = an_ended_job(
        repository=repository, state=State.FAILED, detail="The repository does not exist, or is private.", result=None
    )
    skipped = an_ended_job(state=State.SKIPPED, reason="deadline_passed", result=None)
    cancelled = an_ended_job(state=State.CANCELLED, reason="cancel_requested", result=None)
    waiting = [a_job(repository=repository), a_job(repository="github.com/acme/docs")]
    served.house.board.load((running, *waiting), (an_ended_job(), failed, skipped, cancelled))
    served.house.presence.hear(a_heartbeat(attempts=(a_report(running),)))


def test_a_person_signs_in_submits_and_watches(page: Page, served: Served) -> None:
    """From the sign-in form to a running job on the board, which changes by itself."""
    _sign_in(page, served)
    page.get_by_label("Index a repository").fill("https://github.com/Acme/Api")

    page.get_by_role("button", name="Index").click()

    expect(page.locator("#said")).to_have_text("github.com/acme/api was added.")
    board = page.locator("#board")
    expect(board).to_contain_text("Index github.com/acme/api")
    job = served.house.submit.jobs[0]
    running = a_running_job(id=job.id)
    served.house.board.note(running)
    served.house.presence.hear(a_heartbeat(attempts=(a_report(running, done=7),)))
    expect(board).to_contain_text("Train: 7 of 10", timeout=8000)
    served.house.board.note(an_ended_job(id=job.id))
    served.house.presence.hear(a_heartbeat())
    expect(board).to_contain_text("Done", timeout=8000)
    expect(page.get_by_role("status")).to_have_text("Index github.com/acme/api: done.")


def test_a_failed_job_is_run_again_and_says_why_it_waits(page: Page, served: Served) -> None:
    """One click makes a new job; its row is the reason why it waits, with what would help."""
    failed = an_ended_job(state=State.FAILED, detail="The disk was full.", result=None)
    served.house.board.load((), (failed,))
    served.house.submit.jobs.append(failed)
    served.house.presence.hear(a_heartbeat(duty={"state": "paused", "note": "Gaming"}))
    _sign_in(page, served)

    page.get_by_role("button", name="Run again: Index github.com/acme/api").click()

    expect(page.locator("#said")).to_have_text("github.com/acme/api was added.")
    row = page.get_by_role("region", name="Waiting").get_by_role("listitem")
    expect(row).to_contain_text("den is paused until somebody resumes it (Gaming).")
    expect(row).to_contain_text("Resume den: pharos workers resume den")


def test_a_link_from_the_terminal_signs_in(page: Page, served: Served) -> None:
    """The one-time link leads straight to the page, and its code does not stay in the address bar."""
    path = served.house.client().post("/api/v1/sign-in-codes", headers=AS_ADMIN).json()["data"]["path"]

    page.goto(served.url + path)

    expect(page.get_by_label("Index a repository")).to_be_visible()
    assert page.url == served.url + "/"


def test_a_wrong_address_is_explained_and_can_be_corrected(page: Page, served: Served) -> None:
    """The message is tied to the box, the box has the focus and still holds what was typed."""
    _sign_in(page, served)
    box = page.get_by_label("Index a repository")
    box.fill("https://evil.example/a/b")

    box.press("Enter")

    expect(page.locator("#said")).to_contain_text("Nothing was queued.")
    expect(box).to_be_focused()
    expect(box).to_have_value("https://evil.example/a/b")
    expect(box).to_have_accessible_description(page.locator("#said").inner_text())


def test_a_hostile_name_is_only_text(page: Page, served: Served) -> None:
    """Markup in names is shown as it is, at first and after an update, and runs nothing."""
    _sign_in(page, served)
    page.reload()

    _fill(served, repository=_HOSTILE)

    expect(page.locator("#board")).to_contain_text(_HOSTILE, timeout=8000)
    page.reload()
    expect(page.locator("#board")).to_contain_text(_HOSTILE)
    assert page.locator("#board img, #board script").count() == 0


def test_the_policy_stops_what_escaping_would_miss(page: Page, served: Served) -> None:
    """Even markup that got into the page could run no script of its own."""
    _sign_in(page, served)

    page.evaluate("document.getElementById('board').innerHTML = '<img src=x onerror=\"window.hit = 1\">'")
    page.locator("#board img").evaluate(
        "image => new Promise(done => { image.complete ? done() : image.onerror = done })"
    )

    assert page.evaluate("window.hit") is None


def test_focus_stays_where_it_is_while_the_board_changes(page: Page, served: Served) -> None:
    """Somebody who types is not disturbed by an update."""
    _sign_in(page, served)
    box = page.get_by_label("Index a repository")
    box.press_sequentially("github.com/ac")

    _fill(served)
    expect(page.locator("#board")).to_contain_text("Train: 3 of 10", timeout=8000)
    page.keyboard.type("me/web")

    expect(box).to_be_focused()
    expect(box).to_have_value("github.com/acme/web")


def test_the_page_can_be_used_by_keyboard(page: Page, served: Served) -> None:
    """Tab leads through the header to the box, what is to be indexed, and the button, in that order."""
    _sign_in(page, served)
    names = []

    for _ in range(5):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.id || document.activeElement.innerText"))

    assert [name.strip() for name in names] == ["Pharos", "Sign out", "repository", "content", "Index"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_needs_no_sideways_scroll(scheme: str, page: Page, served: Served) -> None:
    """At 390 px, with the longest names, nothing is wider than the screen, and targets are large enough."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 844})
    _fill(served, repository=_LONG)

    _sign_in(page, served)

    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for target in page.locator("button, input, a").all():
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 40


def test_a_lost_connection_is_said_and_ends_by_itself(page: Page, served: Served) -> None:
    """While the plane does not answer the page says how old it is; afterwards it is live again."""
    _sign_in(page, served)
    fresh = page.locator("#fresh")

    page.context.set_offline(True)
    expect(fresh).to_contain_text("reconnecting", timeout=8000)
    page.context.set_offline(False)

    expect(fresh).to_have_text("Live", timeout=8000)


def test_an_idle_board_is_polled_without_being_sent(page: Page, served: Served) -> None:
    """The second look at an unchanged board is answered with 304."""
    _sign_in(page, served)

    with page.expect_response(lambda answer: answer.url.endswith("/ui/board") and answer.status == 304, timeout=8000):
        pass

    assert page.locator("#board section").count() == 3


def test_who_was_signed_out_is_led_to_the_form(page: Page, served: Served) -> None:
    """A session that ended elsewhere is noticed at the next look."""
    _sign_in(page, served)

    page.context.clear_cookies()

    expect(page.get_by_label("Token")).to_be_visible(timeout=8000)
