"""A repository's text goes in by HTTP: passages at home, names in the ledger, and both out again when it is removed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.ledger.records import DEFAULT_TENANT
from shared.stores.lance_passages import LancePassageStore
from tests.acceptance.conftest import Commit, package
from tests.acceptance.stack import Stack
from tests.tiny_models import save_bert

_LIBRARY = {
    "lib/retry.py": '"""Trying again."""\n\n\ndef back_off(seconds):\n    return seconds * 2\n',
    "lib/session.py": "class Session:\n    def get_url(self, url):\n        return url\n",
    "docs/guide.md": "# Guide\n\n## Install\n\nUse pip.\n",
    "vendor/copied.py": "def copied():\n    return 1\n",
    "requirements-lock.txt": "a==1\n",
}


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a text model of 32 dimensions."""
    return save_bert(tmp_path_factory.mktemp("models") / "tiny")


@contextmanager
def _passages(stack: Stack) -> Iterator[LancePassageStore]:
    store = LancePassageStore(path=stack.folder / "lancedb-alienware")
    try:
        yield store
    finally:
        store.close()


def _repository(stack: Stack, asked: dict[str, Any]) -> dict[str, Any]:
    answer = stack.http.get(f"/api/v1/repositories/{asked['repository_id']}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"])


def _texts(stack: Stack, asked: dict[str, Any], text: dict[str, Any]) -> dict[str, list[str]]:
    """Return the texts that a published generation sees, by path."""
    found: dict[str, list[str]] = {}
    with _passages(stack) as store:
        where = {"tenant_id": str(DEFAULT_TENANT), "repository_id": asked["repository_id"]}
        for batch in store.read(text["collection"], generation=text["generation"], **where):
            for place, said in zip(batch.places, batch.texts, strict=True):
                found.setdefault(place.path, []).append(said)
    return found


def _left(stack: Stack, asked: dict[str, Any]) -> int:
    with _passages(stack) as store:
        where: dict[str, Any] = {"tenant_id": str(DEFAULT_TENANT), "repository_id": asked["repository_id"]}
        return sum(store.count(collection, **where) for collection in store.collections())


def test_text_is_published_beside_a_graph(stack: Stack, commit: Commit, tiny_model: Path) -> None:
    """Structure first, text later: the graph stays as it was, and the text has a pointer, passages and names."""
    source = stack.folder / "library"
    first = commit(source, _LIBRARY)
    stack.start_plane()
    stack.start_worker(PHAROS_TEXT_MODEL=str(tiny_model))
    graph = stack.submit(source)
    stack.wait(graph["job_id"])
    before = _repository(stack, graph)

    asked = stack.submit(source, content="text")
    job = stack.wait(asked["job_id"])

    after = _repository(stack, asked)
    assert job["state"] == "succeeded", job
    assert (before["text"], before["commit"]) == (None, first)
    assert {**after, "text": None} == before
    text = after["text"]
    assert (text["commit"], text["model"], text["dimension"], text["node"]) == (first, "tiny", 32, "alienware")
    assert sorted(_texts(stack, asked, text)) == ["docs/guide.md", "lib/retry.py", "lib/session.py"]
    assert text["passages"] == _left(stack, asked) == job["result"]["text"]["written"]
    assert {"chunk", "embed", "store_text"} <= job["result"]["seconds"].keys()
    assert stack.rows("select count(*) from pharos.names") == [(3,)]


def test_a_push_embeds_what_it_changed(stack: Stack, commit: Commit, tiny_model: Path) -> None:
    """Of a push of one file its chunks alone are cut, embedded and written; all others are renewed."""
    source = stack.folder / "pushed"
    commit(source, {**package(20), **_LIBRARY})
    stack.start_plane()
    stack.start_worker(PHAROS_TEXT_MODEL=str(tiny_model))
    first = stack.wait(stack.submit(source, content="both")["job_id"])["result"]["text"]
    commit(source, {"lib/retry.py": _LIBRARY["lib/retry.py"] + "\n\ndef give_up():\n    raise TimeoutError\n"})

    asked = stack.submit(source, content="both")
    job = stack.wait(asked["job_id"])

    text = job["result"]["text"]
    assert (text["files_cut"], text["embedded"]) == (1, 1)
    assert text["kept"] > 20
    assert text["passages"] == first["passages"] + 1
    seen = _repository(stack, asked)
    assert "def give_up" in "".join(_texts(stack, asked, seen["text"])["lib/retry.py"])
    assert seen["generation"] == seen["text"]["generation"]
    assert stack.until(lambda: _left(stack, asked), lambda count: count == text["passages"])


def test_a_text_alone_is_a_repository(stack: Stack, commit: Commit, tiny_model: Path) -> None:
    """Without a graph a repository is listed with its text; what is published already is not made again."""
    source = stack.folder / "alone"
    commit(source, _LIBRARY)
    stack.start_plane()
    stack.start_worker(PHAROS_TEXT_MODEL=str(tiny_model))

    asked = stack.submit(source, content="text")
    stack.wait(asked["job_id"])
    again = stack.wait(stack.submit(source, content="text")["job_id"])

    (listed,) = stack.http.get("/api/v1/repositories").json()["data"]
    assert (listed["commit"], listed["files"], listed["vector_store"]) == (None, 0, None)
    assert listed["text"]["passages"] == _left(stack, asked)
    assert again["result"]["unchanged"] is True


def test_a_removal_takes_the_text(stack: Stack, commit: Commit, tiny_model: Path) -> None:
    """When a repository was removed, no passage and no name of it is left."""
    source = stack.folder / "removed"
    commit(source, _LIBRARY)
    stack.start_plane()
    stack.start_worker(PHAROS_TEXT_MODEL=str(tiny_model))
    asked = stack.submit(source, content="both")
    stack.wait(asked["job_id"])
    before = _left(stack, asked)

    removal = stack.http.delete(f"/api/v1/repositories/{asked['repository_id']}").json()["data"]
    names = stack.rows("select count(*) from pharos.names")
    stack.wait(removal["job_id"])

    assert before > 0
    assert names == [(0,)]
    assert _left(stack, asked) == 0
    assert stack.rows("select count(*) from pharos.repositories") == [(0,)]
