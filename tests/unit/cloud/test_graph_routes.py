"""Questions about a graph over HTTP: their form, their pages, and what there is not."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from plane_factories import REPOSITORY_ID
from plane_twins import House

from shared.changes import Change

BASE = f"/api/v1/repositories/{REPOSITORY_ID}"
ELSEWHERE = "/api/v1/repositories/repo_00000000000000000000000000"


def _data(client: TestClient, path: str) -> Any:
    answer = client.get(f"{BASE}/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_paths_say_why_one_file_depends_on_another(admin: TestClient) -> None:
    """Each path is its imports in order, with kinds, line and confidence; there is none the other way round."""
    there = _data(admin, "paths?source=src/file_0.py&target=src/file_2.py")
    back = _data(admin, "paths?source=src/file_2.py&target=src/file_0.py")

    (way,) = there
    assert [(step["source"], step["target"]) for step in way["steps"]] == [
        ("src/file_0.py", "src/file_1.py"),
        ("src/file_1.py", "src/file_2.py"),
    ]
    assert way["steps"][0] | {"source": "", "target": ""} == {
        "source": "",
        "target": "",
        "kinds": ["runtime"],
        "line": 3,
        "confidence": 1.0,
    }
    assert back == []


def test_a_file_twice_leads_in_a_circle(admin: TestClient) -> None:
    """Asked why a file depends on itself, the answer is the cycle that it is in, and none within too few imports."""
    (way,) = _data(admin, "paths?source=src/file_1.py&target=src/file_1.py")

    assert [step["source"] for step in way["steps"]] == ["src/file_1.py", "src/file_2.py", "src/file_0.py"]
    assert way["steps"][-1]["target"] == "src/file_1.py"
    assert _data(admin, "paths?source=src/file_1.py&target=src/file_1.py&depth=2") == []
    assert admin.get(f"{BASE}/paths?source=gone.py&target=gone.py").status_code == 404


def test_a_community_that_is_not_there_is_not_found(admin: TestClient) -> None:
    """A number that no community has is 404; the page behind the last file of one that is there is empty."""
    refused = admin.get(f"{BASE}/communities/99/files")

    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert "no community 99" in refused.json()["error"]["message"]
    assert _data(admin, "communities/0/files?cursor=2") == []


def test_cycles_come_with_what_breaks_them(admin: TestClient) -> None:
    """A cycle has its files, the imports to give up, and how many nobody can do without."""
    (cycle,) = _data(admin, "cycles")

    assert (cycle["size"], cycle["cut_size"], cycle["at_least"]) == (3, 1, 1)
    assert [(one["source"], one["target"]) for one in cycle["cut"]] == [("src/file_2.py", "src/file_0.py")]


@pytest.mark.parametrize("what", ["orphans", "unresolved", "communities/0/files"])
def test_lists_are_paged(what: str, admin: TestClient) -> None:
    """Following the cursor shows every row once."""
    seen, cursor = [], "-1"

    while cursor is not None:
        answer = admin.get(f"{BASE}/{what}?limit=2&cursor={cursor}").json()
        seen += [row["path"] for row in answer["data"]]
        cursor = answer["meta"]["next_cursor"]

    assert seen == ["src/file_0.py", "src/file_1.py", "src/file_2.py"]


def test_central_files_by_either_measure(admin: TestClient) -> None:
    """Rank is the default, importers are for the asking, and nothing else is."""
    by_rank, by_importers = _data(admin, "central?limit=1"), _data(admin, "central?by=importers&limit=1")

    assert [by_rank[0]["path"], by_importers[0]["path"]] == ["src/file_0.py", "src/file_2.py"]
    assert admin.get(f"{BASE}/central?by=size").status_code == 422


def test_communities_name_their_leaders(admin: TestClient) -> None:
    """A community says how large it is, how closely it holds together, and who leads it."""
    (one,) = _data(admin, "communities")

    assert one == {"number": 0, "size": 3, "inside": 3, "across": 0, "leaders": ["src/file_0.py"]}


@pytest.mark.parametrize(
    "what",
    ["paths?source=a&target=b", "cycles", "orphans", "central", "communities", "communities/0/files", "unresolved"],
)
def test_unknown_repository_is_not_found(what: str, admin: TestClient) -> None:
    """An empty answer for a repository that is not there is a 404, and no empty list."""
    answer = admin.get(f"{ELSEWHERE}/{what}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("ends", ["source=no.py&target=src/file_0.py", "source=src/file_0.py&target=no.py"])
def test_path_from_or_to_an_unknown_file_is_not_found(ends: str, admin: TestClient) -> None:
    """No path because there is no file is told from no path because there is no dependency."""
    assert admin.get(f"{BASE}/paths?{ends}").status_code == 404


def test_impact_of_changed_files(admin: TestClient, house: House) -> None:
    """Changed files are left out of the answer, what is touched is ranked, and unknown paths are named."""
    asked = {"changes": [{"path": "src/file_1.py"}, {"path": "README.md", "status": "added"}], "depth": 2, "limit": 9}

    found = admin.post(f"{BASE}/impact", json=asked).json()["data"]

    assert [one["path"] for one in found["affected"]] == ["src/file_0.py", "src/file_2.py"]
    assert (found["unknown"], found["breaking"], found["commit"]) == (["README.md"], [], "0" * 40)
    assert house.graph.asked[0]["depth"] == 2


def test_impact_names_who_imports_what_is_gone(admin: TestClient) -> None:
    """A removed module that a file outside the change imports is a breaking change, named with its importer."""
    asked = {"changes": [{"path": "src/file_1.py", "status": "removed"}]}

    (broken,) = admin.post(f"{BASE}/impact", json=asked).json()["data"]["breaking"]

    assert (broken["path"], broken["status"], broken["now"]) == ("src/file_1.py", "removed", None)
    assert [(one["source"], one["line"]) for one in broken["importers"]] == [("src/file_0.py", 3)]


def test_impact_says_what_it_leaves_out(admin: TestClient, house: House) -> None:
    """How many import what is gone is told beside the few that are named, and so is that not all was judged."""
    asked = {"changes": [{"path": "src/file_1.py", "status": "removed"}]}
    whole = admin.post(f"{BASE}/impact", json=asked).json()["data"]
    house.graph.more, house.graph.count = True, 5_200

    found = admin.post(f"{BASE}/impact", json=asked).json()["data"]

    assert (whole["truncated"], found["truncated"]) == (False, True)
    assert [(one["importer_count"], len(one["importers"])) for one in found["breaking"]] == [(5_200, 1)]


@pytest.mark.parametrize(("limit", "candidates"), [(1, 150), (50, 150), (500, 1_000)])
def test_more_candidates_are_judged_for_more_answers(
    limit: int, candidates: int, admin: TestClient, house: House
) -> None:
    """A longer answer is chosen from more."""
    admin.post(f"{BASE}/impact", json={"changes": [{"path": "src/file_1.py"}], "limit": limit})

    assert house.graph.asked[0]["limit"] == candidates


def test_importers_are_shared_out_among_what_is_gone(admin: TestClient, house: House) -> None:
    """Of one module many importers are told, of thousands at least one each."""
    for count in (1, 5_000):
        changes = [{"path": f"src/gone_{number}.py", "status": "removed"} for number in range(count)]
        admin.post(f"{BASE}/impact", json={"changes": changes})

    assert [asked["most"] for asked in house.graph.asked] == [200, 1]


def test_impact_on_an_unknown_repository_is_not_found(admin: TestClient) -> None:
    """What is not there is touched by nothing, and that is said."""
    answer = admin.post(f"{ELSEWHERE}/impact", json={"changes": [{"path": "a.py"}]})

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")


def test_impact_of_a_rename_says_where_to(admin: TestClient) -> None:
    """A renamed module breaks under its old name; importers that change along are counted, not named."""
    renamed = {"path": "src/new.py", "status": "renamed", "before": "src/file_1.py"}

    alone = admin.post(f"{BASE}/impact", json={"changes": [renamed]}).json()["data"]
    along = admin.post(f"{BASE}/impact", json={"changes": [renamed, {"path": "src/file_0.py"}]}).json()["data"]

    assert [(one["path"], one["now"]) for one in alone["breaking"]] == [("src/file_1.py", "src/new.py")]
    assert along["breaking"] == []
    assert alone["unknown"] == []


def test_impact_of_two_commits_asks_a_worker(admin: TestClient, house: House) -> None:
    """Two commits are compared by a worker; while nobody is there that is a 503 which says so."""
    asked = {"base": "a" * 40, "head": "b" * 40}

    nobody = admin.post(f"{BASE}/impact", json=asked)
    house.comparing.found = [Change(path="src/file_2.py", status="removed")]
    answered = admin.post(f"{BASE}/impact", json=asked)

    assert (nobody.status_code, nobody.json()["error"]["code"]) == (503, "NO_WORKER")
    assert [one["path"] for one in answered.json()["data"]["breaking"]] == ["src/file_2.py"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"changes": []},
        {"changes": [{"path": "a"}] * 5001},
        {"changes": [{"path": ""}]},
        {"changes": [{"path": "a\0b"}]},
        {"changes": [{"path": "a", "status": "touched"}]},
        {"base": "main", "head": "b" * 40},
        {"base": "a" * 40},
        {"changes": [{"path": "a"}], "base": "a" * 40, "head": "b" * 40},
        {"changes": [{"path": "a"}], "depth": 11},
    ],
    ids=["nothing", "none", "many", "empty", "nul", "status", "branch", "half", "both", "depth"],
)
def test_impact_refuses_what_it_cannot_answer(body: dict[str, Any], admin: TestClient) -> None:
    """A change without form or bound is a 422."""
    assert admin.post(f"{BASE}/impact", json=body).status_code == 422
