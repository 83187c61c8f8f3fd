"""A compute process dies while it embeds: the job ends whole, and what was embedded is not embedded again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pharos.stack.postgres import EmbeddedPostgres
from pharos.stack.redis import EmbeddedRedis
from shared.ledger.records import DEFAULT_TENANT
from shared.stores.lance_passages import LancePassageStore
from tests.acceptance.conftest import commit
from tests.acceptance.stack import Stack
from tests.tiny_models import save_bert

#: Files of one chunk each, of some 800 characters: about three steps of the cache.
_FILES = 300

__all__ = ["commit"]


@pytest.fixture
def stack(tmp_path: Path, postgres_server: EmbeddedPostgres, redis_server: EmbeddedRedis) -> Iterator[Stack]:
    """A stack with nothing started yet."""
    whole = Stack(tmp_path, postgres_server, redis_server.url)
    yield whole
    whole.close()


def _modules() -> dict[str, str]:
    return {
        f"m{number}.py": f"def name_{number}():\n    return '" + f"word{number} " * 80 + "'\n"
        for number in range(_FILES)
    }


def _chunks(stack: Stack, repository_id: str, text: dict[str, Any]) -> Counter[str]:
    store = LancePassageStore(path=stack.folder / "lancedb-alienware")
    where = {"tenant_id": str(DEFAULT_TENANT), "repository_id": repository_id, "generation": text["generation"]}
    try:
        return Counter(chunk for batch in store.read(text["collection"], **where) for chunk in batch.chunks)
    finally:
        store.close()


def test_a_compute_process_killed_while_it_embeds_embeds_little_twice(stack: Stack, commit) -> None:  # type: ignore[no-untyped-def]
    """Killed in mid-embedding, the attempt after it has each passage once, and most vectors from the cache."""
    source = stack.folder / "source"
    commit(source, _modules())
    model = save_bert(stack.folder / "tiny")
    stack.start_plane()
    # Some 17 batches in all: the first attempt dies after most of them, the second has too few left for that.
    stack.start_worker(PHAROS_TEXT_MODEL=str(model), PHAROS_FAULT_AT="compute.embed:kill@13")

    asked = stack.submit(source, content="text")
    job = stack.wait(asked["job_id"], within=120)

    text = job["result"]["text"]
    (shown,) = stack.http.get("/api/v1/repositories").json()["data"]
    chunks = _chunks(stack, asked["repository_id"], shown["text"])
    assert (job["state"], job["attempt"]) == ("succeeded", 2)
    assert stack.rows("select failures, rescues from pharos.jobs") == [(1, 0)]
    assert (len(chunks), set(chunks.values())) == (_FILES, {1})
    assert text["passages"] == _FILES
    assert 0 < text["embedded"] <= _FILES * 2 // 3
