"""The page: what it shows, what it escapes, and that looking at it costs nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from plane_factories import NOON, a_heartbeat, a_job, a_report, a_running_job, an_ended_job
from plane_twins import House

from cloud_api.board import Board
from cloud_api.ui.board import BoardPage, board_of
from cloud_api.ui.words import STATE_WORDS, ago, duration, reason_text
from cloud_api.workers import WorkerStatus
from shared.errors import LedgerUnavailable
from shared.jobs.states import State
from shared.ledger.records import DEFAULT_TENANT

HOSTILE = "github.com/acme/<script>alert(1)</script>\"'&"


def _board(house: House, tenant: UUID) -> BoardPage:
    return board_of(
        house.board.snapshot(),
        status=WorkerStatus(status="Idle"),
        workers=(),
        why=house.services.reasons.look().why,
        tenant=tenant,
        now=NOON,
    )


def test_the_board_shows_worker_queue_running_and_ended(house: House) -> None:
    """The worker's line, the running job's stage, the queue in order, and what ended, in the fixed vocabulary."""
    running = a_running_job(repository="github.com/acme/running")
    waiting = a_job(repository="github.com/acme/waiting")
    failed = an_ended_job(state=State.FAILED, detail="The repository does not exist.", result=None)
    house.board.load((running, waiting), (failed,))
    house.presence.hear(a_heartbeat(attempts=(a_report(running),)))

    text = house.page().get("/").text

    assert "Training Graph on github.com/acme/running" in text
    assert '<progress value="3" max="10"' in text
    assert "Train: 3 of 10" in text
    assert "Index github.com/acme/waiting" in text
    assert "The repository does not exist." in text
    assert "Failed" in text


def test_a_waiting_row_is_its_reason(house: House) -> None:
    """The row says why and what would help, and how the attempt before ended; a lost running job says it, too."""
    house.presence.born -= 86_400
    lost = a_running_job(repository="github.com/acme/lost", worker_id="den.0123456789ab")
    again = a_job(first_started_at=NOON, attempt=1, reason="worker_lost", detail="The worker on den was lost.")
    house.board.load((lost, again), ())
    house.presence.hear(a_heartbeat(attempts=(a_report(lost),), goodbye="stopping"))
    house.presence.hear(a_heartbeat(worker="rig.0123456789ab", capabilities={"node": "rig"}, schema_version=1))

    text = house.page().get("/").text

    assert "rig runs Pharos 0.1.0, which is too old for the ledger" in text
    assert (
        "On rig, update Pharos and start the worker again: <code>git pull &amp;&amp; python bootstrap.py</code>" in text
    )
    assert "The attempt before: The worker on den was lost." in text


def test_a_long_queue_is_counted_and_not_all_shown(house: House) -> None:
    """Fifty rows with their reasons, the number of all, and how many wait behind."""
    house.board.load([a_job() for _ in range(60)], ())

    text = house.page().get("/").text

    assert 'Waiting <span class="count">60</span>' in text
    assert "10 more wait behind these." in text


def test_a_failed_job_is_run_again_from_its_row(house: House) -> None:
    """The button of a failed row makes a new job; done jobs have none."""
    failed, done = an_ended_job(state=State.FAILED), an_ended_job()
    house.board.load((), (failed, done))
    house.submit.jobs.append(failed)
    page = house.page()

    text = page.get("/").text
    answer = page.post(f"/ui/jobs/{failed.id}/retry")

    assert f'action="/ui/jobs/{failed.id}/retry"' in text
    assert f'action="/ui/jobs/{done.id}/retry"' not in text
    assert answer.status_code == 303
    assert "github.com/acme/api was added." in page.get(answer.headers["location"]).text
    assert [job.state for job in house.submit.jobs] == [State.FAILED, State.QUEUED]


def test_running_again_takes_our_own_page(house: House) -> None:
    """Another site's form is refused, and a job that has not ended is said beside the box."""
    waiting = a_job()
    house.submit.jobs.append(waiting)
    page = house.page()

    theirs = page.post(f"/ui/jobs/{waiting.id}/retry", headers={"Origin": "https://evil.example"})
    early = page.post(f"/ui/jobs/{waiting.id}/retry")

    assert (theirs.status_code, early.status_code) == (403, 409)
    assert "there is nothing to run again" in early.text
    assert len(house.submit.jobs) == 1


def test_an_empty_board_says_what_to_do_next(house: House) -> None:
    """Each panel without content has one next thing, and none of them claims what nobody knows yet."""
    page = house.page()
    house.app.state.services = replace(house.services, board=Board())

    unknown = page.get("/").text
    house.board.note(a_job())
    house.board.load((), ())
    house.app.state.services = house.services
    known = page.get("/").text

    assert "The ledger has not answered yet." in unknown
    assert "Nothing has run yet." not in unknown
    assert "Nothing waits." in known
    assert "Nothing has run yet. Paste the address of a repository above." in known
    assert "No worker is connected." in known


def test_names_from_outside_are_escaped(house: House) -> None:
    """Names of repositories, reasons and workers' words are text, whatever is in them."""
    job = a_running_job(repository=HOSTILE)
    house.board.load((job, a_job(repository=HOSTILE, reason="x", detail=HOSTILE)), (an_ended_job(repository=HOSTILE),))
    house.presence.hear(a_heartbeat(attempts=(a_report(job, repository=HOSTILE, stage="<b>"),)))

    text = house.page().get("/").text

    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;") >= 5
    assert "<b>" not in text.lower()


def test_the_page_has_no_inline_script_or_style(house: House) -> None:
    """Nothing that the content security policy would have to allow."""
    house.board.load((a_job(), a_running_job()), (an_ended_job(),))

    text = house.page().get("/").text

    assert "style=" not in text
    assert "<style" not in text
    assert not re.search(r"<[^>]*\son[a-z]+=", text)
    assert text.count("<script") == 1
    assert '<script src="/static/board.js" defer></script>' in text


def test_a_board_that_did_not_change_is_a_304(house: House) -> None:
    """Two looks at the same board send it once; a change is sent at the next look."""
    page = house.page()
    first = page.get("/ui/board")
    tag = {"If-None-Match": first.headers["etag"]}

    same = page.get("/ui/board", headers=tag)
    house.board.note(a_job())
    changed = page.get("/ui/board", headers=tag)

    assert (same.status_code, same.content, changed.status_code) == (304, b"", 200)


def test_looking_at_the_board_asks_no_service(house: House) -> None:
    """The board is made from memory: it is shown while every other service fails."""
    broken: Any = None
    house.app.state.services = replace(
        house.services, submit=broken, jobs=broken, history=broken, repositories=broken, health=broken
    )

    page = house.page()

    assert [page.get(path).status_code for path in ("/", "/ui/board")] == [200, 200]


def test_a_repository_in_the_box_is_submitted(house: House) -> None:
    """The form leads back to the page, which says what was added."""
    page = house.page()

    answer = page.post("/ui/submit", data={"repository": "https://github.com/Acme/API"})
    after = page.get(answer.headers["location"])

    assert answer.status_code == 303
    assert "github.com/acme/api was added." in after.text
    assert [job.repository for job in house.submit.jobs] == ["github.com/acme/api"]


def test_a_repository_that_waits_already_is_not_added_twice(house: House) -> None:
    """The second submission says so."""
    page = house.page()
    page.post("/ui/submit", data={"repository": "acme/api"})

    answer = page.post("/ui/submit", data={"repository": "acme/api"})

    assert "Nothing was added twice." in page.get(answer.headers["location"]).text


def test_a_wrong_address_is_said_beside_the_box_and_kept_in_it(house: House) -> None:
    """The address can be corrected, and nothing of it becomes markup."""
    answer = house.page().post("/ui/submit", data={"repository": 'https://evil.example/"><script>x'})

    assert answer.status_code == 400
    assert "PHAROS_GIT_HOSTS" in answer.text
    assert 'value="https://evil.example/&#34;&gt;&lt;script&gt;x"' in answer.text
    assert 'aria-invalid="true"' in answer.text


def test_a_full_queue_is_said_beside_the_box(house: House) -> None:
    """With how many wait, when to try again, and what to change."""
    house.submit.cap = 0

    answer = house.page().post("/ui/submit", data={"repository": "acme/api"})

    assert answer.status_code == 429
    assert (
        "ingest is full (0 waiting). Nothing was added. Try again in about 6 min, or raise PHAROS_QUEUE_CAP."
        in answer.text
    )


def test_a_ledger_that_does_not_answer_is_said_beside_the_box(house: House) -> None:
    """Nothing was recorded, and the page still shows what it knows."""
    house.submit.error = LedgerUnavailable()

    answer = house.page().post("/ui/submit", data={"repository": "acme/api"})

    assert answer.status_code == 503
    assert "Nothing was recorded; try again in a moment." in answer.text


def test_a_made_up_flash_says_nothing(house: House) -> None:
    """A link cannot put words on the page: only the id of a job is taken."""
    page = house.page()

    assert page.get("/?added=<b>hello</b>").status_code == 422
    assert "hello" not in page.get("/?notice=hello").text


def test_the_script_and_the_style_come_from_here(stranger: TestClient) -> None:
    """The page's files are served with their types."""
    types = {name: stranger.get(f"/static/{name}").headers["content-type"] for name in ("board.js", "page.css")}

    assert types["board.js"].startswith("text/javascript")
    assert types["page.css"].startswith("text/css")


def test_every_state_has_a_word() -> None:
    """The vocabulary covers every state of a job."""
    assert {STATE_WORDS[state] for state in State} == {"Waiting", "Running", "Done", "Failed", "Cancelled", "Expired"}


def test_places_are_counted_among_first_starts(house: House) -> None:
    """A job that is queued again holds no place, as in the ledger."""
    again = a_job(first_started_at=NOON, attempt=1)
    first, second = (a_job(created_at=NOON + timedelta(seconds=second)) for second in (1, 2))
    house.board.load((again, first, second), ())

    board = _board(house, DEFAULT_TENANT)

    assert [row.position for row in board.waiting] == [0, 1, 2]


def test_the_board_is_of_one_tenant(house: House) -> None:
    """Jobs of others are not shown."""
    house.board.load((a_job(),), (an_ended_job(),))

    board = _board(house, UUID(int=7))

    assert (board.running, board.waiting, board.ended) == ((), (), ())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (-5, "just now"),
        (61, "1 min ago"),
        (3600, "1 h ago"),
        (3 * 86400, "3 days ago"),
    ],
)
def test_times_are_relative_and_coarse(seconds: float, text: str) -> None:
    """A relative time changes once a minute at most."""
    assert ago(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (0.44, "0.4 s"), (59.4, "59 s"), (128, "2 m 8 s"), (3840, "1 h 4 m")]
)
def test_durations_have_units(seconds: float | None, text: str) -> None:
    """Numbers come with their units."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("reason", "detail", "text"),
    [
        ("clone_failed", "It does not exist.", "It does not exist."),
        ("cancel_requested", None, "Cancelled on request."),
        ("worker_lost", None, "worker lost"),
        (None, None, ""),
    ],
)
def test_reasons_are_readable(reason: str | None, detail: str | None, text: str) -> None:
    """A text of its own goes first, then the fixed words, then the code made readable."""
    assert reason_text(reason, detail) == text
