"""Searches over HTTP: their form and bounds, their headers, and the figures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from plane_factories import a_heartbeat
from plane_twins import AS_ADMIN, AS_WORKER, House
from search_twins import a_hit, a_named_file, a_searchable, an_answer

from cloud_api.line.asked import Answered
from shared.errors import LedgerUnavailable
from shared.nodes.search import Question

API = a_searchable()
SEARCH = "/api/v1/search"


class Worker:
    """Stands where the line is and answers at once."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.asked: list[Question] = []

    async def ask(self, kind: str, body: dict[str, Any], *, seconds: float, whom: str | None = None) -> Answered:
        """Return the answer."""
        assert (kind, whom, 0 < seconds < 30) == ("search", "den", True)
        self.asked.append(Question.model_validate(body))
        return Answered(worker="den.0123456789ab", body=self.answer, round_trip_ms=3.0, hops=0)


@pytest.fixture
def names(house: House) -> House:
    """A plane with one repository that has text, whose home sleeps."""
    house.texts.repositories = [API]
    house.names.files = [a_named_file(API)]
    house.presence.hear(a_heartbeat(goodbye="sleeping"))
    return house


@pytest.fixture
def worker(names: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """The home of its text is there."""
    worker = Worker(an_answer(a_hit(API), a_hit(API, start=30, end=31, symbol="other")))
    monkeypatch.setattr(names.services.line, "ask", worker.ask)
    return worker


@pytest.mark.usefixtures("worker")
def test_an_answer_says_where_what_and_whence(admin: TestClient) -> None:
    """A hit is a place in a commit of a repository; the answer names its generations, model, ranker and timings."""
    answer = admin.post(SEARCH, json={"query": "where is a token checked"})

    data = answer.json()["data"]
    assert answer.status_code == 200, answer.text
    assert data["hits"][0] == {
        **a_hit(API),
        "repository": "github.com/acme/api",
        "commit": "c" * 40,
        "ref": f"github.com/acme/api@{'c' * 40}:src/auth.py:10-24",
        "by": "worker",
        "also": [],
    }
    assert (data["source"], data["degraded"], data["notes"], data["missing"]) == ("worker", None, [], [])
    assert (data["ranker"], data["model"], data["repositories"]) == ("linear-1", "small", 1)
    assert data["generations"] == [
        {
            "repository_id": API.id,
            "repository": "github.com/acme/api",
            "generation": 7,
            "commit": "c" * 40,
            "model": "small",
            "home": "den",
        }
    ]
    assert set(data["timings"]) == {"repositories", "line", "embed", "rank", "total"}
    assert "embed;dur=4.0, rank;dur=2.0, total;dur=" in answer.headers["Server-Timing"]
    assert "X-Pharos-Stale" not in answer.headers


def test_the_same_as_an_address(admin: TestClient, worker: Worker) -> None:
    """GET takes what POST takes, and both ask one question."""
    there = {"repository": "acme/api", "path": "./src/", "language": "Python", "kind": "method"}

    by_address = admin.get(SEARCH, params={"q": "a  token", "limit": 7, **there})
    body = {"repositories": ["acme/api"], "path": "src/", "languages": ["python", "Python"], "kinds": ["method"]}
    by_body = admin.post(SEARCH, json={"query": "a token", "limit": 7, **body})

    assert (by_address.status_code, by_body.json()["data"]["source"]) == (200, "cache")
    (asked,) = worker.asked
    assert (asked.limit, asked.filters.languages, asked.filters.kinds) == (7, ("python",), ("method",))
    assert asked.filters.path == "src/"


def test_one_hit_a_file(admin: TestClient, worker: Worker) -> None:
    """Grouped by file, the best hit stands for its file and tells where the others are; more hits are asked for."""
    (hit,) = admin.get(SEARCH, params={"q": "token", "group": "file", "limit": 3}).json()["data"]["hits"]

    assert (hit["start"], hit["also"]) == (10, [{"symbol": "other", "start": 30, "end": 31}])
    assert worker.asked[0].limit == 12


def test_the_deadline_is_handed_on(admin: TestClient, worker: Worker) -> None:
    """A worker is given what is left of the time that the header gives."""
    admin.post(SEARCH, json={"query": "token"}, headers={"X-Deadline-Ms": "10000"})
    admin.post(SEARCH, json={"query": "another"})

    slow, usual = (one.milliseconds for one in worker.asked)
    assert 9_000 < slow < 10_000
    assert 1_500 < usual < 2_000


@pytest.mark.usefixtures("names")
def test_names_are_told_as_such(admin: TestClient) -> None:
    """While its home sleeps, the answer says whose text is missing and where it is."""
    data = admin.get(SEARCH, params={"q": "token"}).json()["data"]

    assert (data["source"], data["degraded"], data["model"]) == ("names", "home_missing", None)
    assert data["notes"] == ["den holds this index and sleeps: names only"]
    assert [(hit["symbol"], hit["start"], hit["snippet"], hit["by"]) for hit in data["hits"]] == [
        ("check_token", 10, "", "names")
    ]
    assert data["missing"] == [
        {
            "node": "den",
            "repositories": ["github.com/acme/api"],
            "reason": "home_missing",
            "text": "den holds this index and sleeps",
        }
    ]


def test_a_stale_answer_has_a_header(admin: TestClient, house: House, worker: Worker) -> None:
    """An answer of an earlier generation says so where a cache or a script looks first."""
    admin.get(SEARCH, params={"q": "token"})
    house.texts.repositories = [a_searchable(generation=8)]
    # As when a worker says that a job ended.
    house.services.search._pointers.forget()
    worker.answer = {}

    answer = admin.get(SEARCH, params={"q": "token"})

    assert (answer.json()["data"]["source"], answer.headers["X-Pharos-Stale"]) == ("stale", "1")


def test_nothing_to_say_is_503(admin: TestClient, house: House, names: House) -> None:
    """Without a worker and without the ledger there is no answer, and when to ask again is told."""
    admin.get(SEARCH, params={"q": "token"})
    names.names.error = LedgerUnavailable()

    answer = admin.get(SEARCH, params={"q": "another"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) > 0
    assert "den holds this index and sleeps" in answer.json()["detail"]


def test_without_text_it_is_said_how_to_have_it(admin: TestClient) -> None:
    """Where no repository has text, the command that publishes some is named."""
    answer = admin.get(SEARCH, params={"q": "token"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert "pharos submit REPO --content both" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": ""},
        {"query": " \n"},
        {"query": "x" * 2_001},
        {"query": "\ud800"},
        {"query": ["a"]},
        {"query": "a", "limit": 0},
        {"query": "a", "limit": 51},
        {"query": "a", "kinds": ["file"]},
        {"query": "a", "languages": ["x"] * 21},
        {"query": "a", "repositories": ["x"] * 51},
        {"query": "a", "repositories": [""]},
        {"query": "a", "path": "x" * 4_097},
        {"query": "a", "group": "folder"},
        {"query": "a", "tenant_id": "00000000-0000-0000-0000-000000000000"},
    ],
    ids=str,
)
@pytest.mark.usefixtures("names")
def test_what_is_no_question_is_refused(body: dict[str, Any], admin: TestClient) -> None:
    """Everything has bounds, and what is not known is not taken."""
    answer = admin.post(SEARCH, content=json.dumps(body), headers={"Content-Type": "application/json"})

    assert answer.status_code == 422


@pytest.mark.parametrize("milliseconds", ["99", "30001", "soon", "-1", "1e3"])
@pytest.mark.usefixtures("names")
def test_a_deadline_has_bounds(milliseconds: str, admin: TestClient) -> None:
    """A deadline is 100 to 30,000 whole milliseconds."""
    answer = admin.get(SEARCH, params={"q": "a"}, headers={"X-Deadline-Ms": milliseconds})

    assert answer.status_code == 422


@pytest.mark.parametrize(
    "query",
    [
        "\x00",
        "'; drop table pharos.names; --",
        "a | !b & (c",
        "%s %(tenant)s",
        "{{7*7}}",
        "\u202eabc",
        "🦀" * 500,
        "\x1f",
    ],
)
@pytest.mark.usefixtures("names")
def test_a_hostile_question_is_a_question(query: str, admin: TestClient) -> None:
    """Whatever it holds, it finds something or nothing, or is refused; it breaks nothing."""
    answers = [admin.get(SEARCH, params={"q": query}), admin.post(SEARCH, json={"query": query})]

    assert {answer.status_code for answer in answers} <= {200, 400, 422}


def test_others_are_kept_out(stranger: TestClient, house: House) -> None:
    """It asks for the admin token, as other reading does."""
    for headers, status in (({}, 401), (AS_WORKER, 403)):
        assert stranger.get(SEARCH, params={"q": "a"}, headers=headers).status_code == status
        assert stranger.post(SEARCH, json={"query": "a"}, headers=headers).status_code == status
    assert house.texts.reads == 0


@pytest.mark.usefixtures("worker")
def test_searches_are_counted(admin: TestClient) -> None:
    """Prometheus and the usage answer know how many came from memory, and how long each stage took."""
    for query in ("token", "token", "another"):
        admin.get(SEARCH, params={"q": query})

    figures = admin.get("/metrics").text
    assert 'pharos_searches_total{source="cache"} 1.0' in figures
    assert 'pharos_searches_total{source="worker"} 2.0' in figures
    assert 'pharos_search_seconds_count{stage="total"} 3.0' in figures
    assert 'pharos_search_seconds_count{stage="embed"} 2.0' in figures
    assert "pharos_search_cache_bytes 2" in figures.replace("e+03", "")
    assert admin.get("/api/v1/usage").json()["data"]["searches"] == {"answered": 3, "cached": 1, "degraded": 0}


def test_the_schema_tells_it(admin: TestClient) -> None:
    """The bounds stand in OpenAPI, where tools look for them."""
    paths = admin.get("/openapi.json").json()["paths"][SEARCH]

    given = {one["name"]: one["schema"] for one in paths["get"]["parameters"]}
    assert (given["q"]["maxLength"], given["q"]["minLength"], given["limit"]["maximum"]) == (2_000, 1, 50)
    assert (given["X-Deadline-Ms"]["minimum"], given["X-Deadline-Ms"]["maximum"]) == (100, 30_000)
    assert {"200", "400", "401", "403", "404", "405", "422", "500", "503"} <= set(paths["post"]["responses"])


@pytest.mark.usefixtures("worker")
def test_the_page_shows_hits(house: House) -> None:
    """The page has place, symbol and lines, asks nothing by itself, and says what is wrong beside the box."""
    page = house.page()

    found, blank = page.get("/ui/search", params={"q": "a token"}), page.get("/ui/search")

    assert found.status_code == 200
    assert "src/auth.py:10" in found.text
    assert "function check_token in github.com/acme/api" in found.text
    assert "<script" not in found.text
    assert (blank.status_code, "1 to 2,000 characters" in blank.text) == (400, True)
    assert house.client().get("/ui/search", params={"q": "a"}).status_code == 303


@pytest.mark.usefixtures("names")
def test_the_page_says_what_is_missing(house: House) -> None:
    """Names alone are shown as such."""
    text = house.page().get("/ui/search", params={"q": "token"}).text

    assert "1 found among paths and symbols" in text
    assert "den holds this index and sleeps: names only" in text


def test_admin_headers_are_enough(house: House) -> None:
    """A script's token opens the page's address too, without a cookie."""
    assert house.client().get("/ui/search", params={"q": "a"}, headers=AS_ADMIN).status_code == 404
