"""A repository goes in by HTTP; files, edges and likeness come out."""

from __future__ import annotations

import os

from tests.acceptance.conftest import Commit, package
from tests.acceptance.stack import Stack

_SHOP = {
    "shop/__init__.py": "",
    "shop/money.py": "VALUE = 1\n",
    "shop/cart.py": "from shop import money\n",
    "shop/checkout.py": "from shop.cart import x\nfrom .money import y\n",
    "web/main.ts": "import { total } from './total'\n",
    "web/total.ts": "export const total = 1\n",
    "broken.py": "def (:\n",
    "image.py": "\0\0\0binary",
    "README.md": "not a source\n",
}


def _paths(stack: Stack, repository: str, question: str) -> list[str]:
    answer = stack.http.get(f"/api/v1/repositories/{repository}/{question}")
    assert answer.status_code == 200, answer.text
    return [one["path"] for one in answer.json()["data"]]


def test_an_ingest_answers_what_depends_on_what(stack: Stack, commit: Commit) -> None:
    """Imports of two languages become edges that can be followed both ways, by depth."""
    source = stack.folder / "shop"
    commit(source, _SHOP)
    stack.start_plane()
    stack.start_worker()

    asked = stack.submit(source)
    job = stack.wait(asked["job_id"])

    repository = asked["repository_id"]
    assert job["state"] == "succeeded", job
    assert _paths(stack, repository, "dependents?path=shop/money.py&depth=1") == ["shop/cart.py", "shop/checkout.py"]
    assert _paths(stack, repository, "dependencies?path=shop/checkout.py&depth=5") == ["shop/cart.py", "shop/money.py"]
    assert _paths(stack, repository, "dependencies?path=web/main.ts") == ["web/total.ts"]
    assert job["result"]["files"] == len(_paths(stack, repository, "files"))


def test_likeness_is_answered_while_every_worker_sleeps(stack: Stack, commit: Commit) -> None:
    """Files of one cluster are more like each other than like the other cluster's, also with no worker there."""
    source = stack.folder / "clusters"
    commit(source, {**package(12, name="left"), **package(12, name="right")})
    stack.start_plane()
    worker = stack.start_worker()
    asked = stack.submit(source)
    stack.wait(asked["job_id"])

    worker.stop()
    answer = stack.http.get(f"/api/v1/repositories/{asked['repository_id']}/similar?path=left/m5.py&limit=5").json()

    similar = answer["data"]["similar"]
    assert len(similar) == 5
    assert {one["path"].split("/")[0] for one in similar} == {"left"}
    assert [one["score"] for one in similar] == sorted((one["score"] for one in similar), reverse=True)


def test_the_same_commit_again_is_no_work(stack: Stack, commit: Commit) -> None:
    """A second ingest of a published commit says so and changes nothing; with force it is done again."""
    source = stack.folder / "source"
    commit(source, package(10))
    stack.start_plane()
    stack.start_worker()
    first = stack.submit(source)
    stack.wait(first["job_id"])

    again = stack.wait(stack.submit(source)["job_id"])
    generation = stack.rows("select generation from pharos.repositories")
    forced = stack.wait(stack.submit(source, force=True)["job_id"])

    assert again["result"]["unchanged"] is True
    assert generation == [(1,)]
    assert "unchanged" not in forced["result"]
    assert stack.rows("select generation > 1 from pharos.repositories") == [(True,)]


def test_a_new_commit_replaces_the_old_one(stack: Stack, commit: Commit) -> None:
    """After a push, another ingest shows the new commit's files and none of the old one's."""
    source = stack.folder / "source"
    commit(source, {**package(10), "gone.py": "import pkg\n"})
    stack.start_plane()
    stack.start_worker()
    asked = stack.submit(source)
    stack.wait(asked["job_id"])

    (source / "gone.py").unlink()
    new = commit(source, {"come.py": "import pkg\n"})
    job = stack.wait(stack.submit(source)["job_id"])

    paths = _paths(stack, asked["repository_id"], "files?limit=200")
    assert job["result"]["commit"] == new
    assert "come.py" in paths
    assert "gone.py" not in paths


def test_a_push_costs_what_it_changed(stack: Stack, commit: Commit) -> None:
    """After a push of one file, what is known of the others is neither read nor trained nor written again."""
    source = stack.folder / "source"
    commit(source, package(60))
    stack.start_plane()
    stack.start_worker()
    asked = stack.submit(source)
    stack.wait(asked["job_id"])

    commit(source, {"pkg/pushed.py": "from pkg import m1\n"})
    job = stack.wait(stack.submit(source)["job_id"])

    vectors = job["result"]["vectors"]
    assert job["result"]["remembered"] == 61
    assert (vectors["way"], vectors["written"] + vectors["kept"]) == ("update", 62)
    assert vectors["kept"] > vectors["written"] > 0
    answer = stack.http.get(f"/api/v1/repositories/{asked['repository_id']}/similar?path=pkg/pushed.py&limit=5")
    assert len(answer.json()["data"]["similar"]) == 5


def test_vendored_code_gets_vectors_when_it_is_asked_for(stack: Stack, commit: Commit) -> None:
    """Vendored files are in the graph and like nobody, until somebody asks for their vectors."""
    source = stack.folder / "source"
    vendored = {"vendor/a.py": "from vendor import b\n", "vendor/b.py": "", "uses.py": "from vendor import a\n"}
    commit(source, {**package(10), **vendored})
    stack.start_plane()
    stack.start_worker()
    asked = stack.submit(source)
    plain = stack.wait(asked["job_id"])
    similar = f"/api/v1/repositories/{asked['repository_id']}/similar?path=vendor/a.py"
    before = stack.http.get(similar).json()["data"]["similar"]

    whole = stack.wait(stack.submit(source, include=["vendored"])["job_id"])

    assert _paths(stack, asked["repository_id"], "dependents?path=vendor/b.py&depth=2") == ["vendor/a.py", "uses.py"]
    assert (plain["result"]["vectors"]["set_aside"], whole["result"]["vectors"]["set_aside"]) == (2, 0)
    assert before == []
    assert stack.http.get(similar).json()["data"]["similar"] != []


def test_a_ref_names_another_commit(stack: Stack, commit: Commit) -> None:
    """An ingest of an older commit by its hash publishes that one."""
    source = stack.folder / "source"
    old = commit(source, package(5))
    commit(source, {"later.py": "import pkg\n"})
    stack.start_plane()
    stack.start_worker()

    asked = stack.submit(source, ref=old)
    job = stack.wait(asked["job_id"])

    assert job["state"] == "succeeded", job
    assert job["result"]["commit"] == old
    assert "later.py" not in _paths(stack, asked["repository_id"], "files?limit=200")


def test_a_removed_repository_is_gone_with_its_vectors(stack: Stack, commit: Commit) -> None:
    """A removal hides the repository at once, deletes its vectors where they lie, and lets it be indexed again."""
    source = stack.folder / "source"
    commit(source, package(10))
    stack.start_plane()
    stack.start_worker()
    asked = stack.submit(source)
    stack.wait(asked["job_id"])

    answer = stack.http.delete(f"/api/v1/repositories/{asked['repository_id']}")
    hidden = stack.http.get(f"/api/v1/repositories/{asked['repository_id']}").status_code
    removal = stack.wait(answer.json()["data"]["job_id"])
    again = stack.wait(stack.submit(source)["job_id"])

    assert (answer.status_code, hidden) == (202, 404)
    assert removal["result"] == {"vectors_deleted": 11, "vectors_left": 0}
    assert (again["state"], again["result"]["files"]) == ("succeeded", 11)


def test_names_of_odd_bytes_are_indexed(stack: Stack, commit: Commit) -> None:
    """A file whose name is not UTF-8, and broken configuration beside one, cost nothing and are shown escaped."""
    source = stack.folder / "odd"
    commit(source, {"a.py": "import b\n", "b.py": "", "<img src=x onerror=alert(1)>.py": "import b\n"})
    odd = source / os.fsdecode(b"caf\xe9")
    odd.mkdir()
    for name, text in (("tsconfig.json", "{{{"), ("x.ts", "import './y'\n"), ("y.ts", "export {}\n")):
        (odd / name).write_text(text)
    commit(source, {"c.py": "import a\n"})
    stack.start_plane()
    stack.start_worker()

    asked = stack.submit(source)
    job = stack.wait(asked["job_id"])

    paths = _paths(stack, asked["repository_id"], "files?limit=200")
    assert job["state"] == "succeeded", job
    assert {"caf\\xe9/x.ts", "<img src=x onerror=alert(1)>.py"} <= set(paths)
    assert job["result"]["edges"] == 4
