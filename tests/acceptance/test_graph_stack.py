"""What a graph answers, from one end of the house to the other."""

from __future__ import annotations

from typing import Any

from tests.acceptance.conftest import Commit
from tests.acceptance.stack import Stack

_FILES = {
    "shop/__init__.py": "",
    "shop/money.py": "from shop import cart\n",
    "shop/cart.py": "from shop import money\nfrom shop.lost import x\n",
    "shop/checkout.py": "\nfrom shop import cart\n",
    "shop/unused.py": "from shop import money\n",
    "tests/test_cart.py": "from shop import cart\n",
}


def _ask(stack: Stack, repository: str, question: str, body: dict[str, Any] | None = None) -> Any:
    where = f"/api/v1/repositories/{repository}/{question}"
    answer = stack.http.get(where) if body is None else stack.http.post(where, json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def _holds_a_line(workers: list[dict[str, Any]]) -> bool:
    return any(worker["line"] == "open" for worker in workers)


def test_a_graph_is_answered_while_its_worker_sleeps(stack: Stack, commit: Commit) -> None:
    """Paths, cycles, orphans, ranks, communities, what was not understood, and the impact of a change need nobody."""
    source = stack.folder / "shop"
    commit(source, _FILES)
    stack.start_plane()
    worker = stack.start_worker()
    asked = stack.submit(source)
    job = stack.wait(asked["job_id"])
    assert job["state"] == "succeeded", job
    worker.stop()

    def ask(question: str, body: dict[str, Any] | None = None) -> Any:
        return _ask(stack, asked["repository_id"], question, body)

    (way,) = ask("paths?source=shop/checkout.py&target=shop/money.py")
    (cycle,) = ask("cycles")
    impact = ask("impact", {"changes": [{"path": "shop/cart.py", "status": "removed"}]})

    assert [(step["target"], step["line"]) for step in way["steps"]] == [("shop/cart.py", 2), ("shop/money.py", 1)]
    assert (cycle["files"], cycle["cut_size"], cycle["at_least"]) == (["shop/cart.py", "shop/money.py"], 1, 1)
    assert [one["path"] for one in ask("orphans")] == ["shop/checkout.py", "shop/unused.py"]
    assert ask("central?by=importers&limit=1")[0]["path"] == "shop/cart.py"
    assert ask("communities")[0]["size"] > 1
    assert [(one["path"], one["line"]) for one in ask("unresolved")] == [("shop/cart.py", 2)]
    assert impact["affected"][0]["path"] == "tests/test_cart.py"
    assert [one["source"] for one in impact["breaking"][0]["importers"]] == [
        "shop/checkout.py",
        "shop/money.py",
        "tests/test_cart.py",
    ]
    assert job["result"]["structure"]["cycles"] == 1


def test_two_commits_are_compared_by_a_worker(stack: Stack, commit: Commit) -> None:
    """A worker fetches both commits and tells what differs; the impact is that of the files which it names."""
    source = stack.folder / "shop"
    base = commit(source, _FILES)
    head = commit(source, {"shop/cart.py": "from shop import money\n\nX = 1\n", "README.md": "new\n"})
    stack.start_plane()
    stack.start_worker()
    asked = stack.submit(source)
    stack.wait(asked["job_id"])
    stack.until(lambda: stack.http.get("/api/v1/workers").json()["data"], _holds_a_line)

    impact = _ask(stack, asked["repository_id"], "impact", {"base": base, "head": head})

    affected = [one["path"] for one in impact["affected"]]
    assert (impact["commit"], impact["unknown"], impact["breaking"]) == (head, [], [])
    assert affected[0] == "tests/test_cart.py"
    assert "shop/cart.py" not in affected
