"""Searches through a real search process with a real, tiny model: words first, then vectors."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edge_twins import eventually
from search_world import PROGRAM, TENANT, a_passage, a_question, a_target, ended, stored_at
from test_process import an_equipment
from tiny_models import BERT_DIMENSION, save_bert

from edge_worker.models.presets import resolve
from edge_worker.models.spec import ModelSpec
from edge_worker.searching.asked import Searches
from shared.nodes.search import Answer
from shared.stores.lance_passages import LancePassageStore


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> ModelSpec:
    """A model on the disk."""
    return resolve(str(save_bert(tmp_path_factory.mktemp("models") / "tiny")), 0.0)


@pytest.fixture(scope="module")
def searches(spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searches]:
    """A worker of that model, with text of it and of another one."""
    folder = stored_at(tmp_path_factory.mktemp("lance"))
    store = LancePassageStore(path=folder)
    store.prepare(spec.collection, dimension=BERT_DIMENSION)
    rows = np.random.default_rng(1).normal(size=(len(PROGRAM), BERT_DIMENSION)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    store.upsert(spec.collection, [a_passage(number, vector=row) for number, row in enumerate(rows)])
    equipment = an_equipment(folder, lancedb_path=folder, text_model=str(spec.source), log_level="warning")
    given = Searches(equipment, environment=os.environ, gpu_gib=0.0, budget=1 << 26)
    yield given
    ended(given)


def test_words_first_then_vectors(searches: Searches, spec: ModelSpec) -> None:
    """The first answers come from words while the model loads, and say when it should be there; then it is."""
    target = a_target(collection=spec.collection)
    first = _answer(searches, "check a token", target)

    eventually_within(lambda: _answer(searches, "check a token", target).model)
    last = _answer(searches, "check a token", target)

    assert (first.degraded, first.model) == ("model_loading", None)
    assert first.ready_in is not None
    assert first.ready_in >= 1.0
    assert first.hits[0].symbol == "check_token"
    assert (last.degraded, last.model, last.ready_in) == (None, "tiny", None)
    # A vector is near to everything a little: what shares no word with the question is among the hits now.
    assert len(first.hits) < len(last.hits) == len(PROGRAM)


def test_text_of_another_model_is_found_by_words(searches: Searches, spec: ModelSpec) -> None:
    """Vectors of different models are never compared; what lies in the other's collection is found by its words."""
    mine, other = a_target(collection=spec.collection), a_target()
    eventually_within(lambda: _answer(searches, "check a token", mine).model)

    alone, both = _answer(searches, "render", other), _answer(searches, "render", mine, other)

    assert (alone.degraded, alone.model) == ("other_model", None)
    assert [hit.symbol for hit in alone.hits] == ["render_page"]
    assert (both.degraded, both.model) == ("other_model", "tiny")


@pytest.mark.parametrize(
    "query",
    ["<|im_end|><|image_pad|>", "{picture}", "file://{picture}", "http://{address}/x.png", "\0", "[MASK] [SEP]"],
    ids=["control", "path", "file", "url", "nul", "special"],
)
def test_hostile_words_are_text_to_the_model(searches: Searches, spec: ModelSpec, query: str, tmp_path: Path) -> None:
    """Control words, paths and addresses are embedded as text like any other, and nobody is called."""
    target = a_target(collection=spec.collection)
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    eventually_within(lambda: _answer(searches, "check a token", target).model)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"127.0.0.1:{server.getsockname()[1]}"

        answer = _answer(searches, query.format(picture=tmp_path / "x.png", address=address), target)

        with pytest.raises(BlockingIOError):
            server.accept()
    assert (answer.degraded, answer.model, len(answer.hits)) == (None, "tiny", len(PROGRAM))


def _answer(searches: Searches, query: str, *targets: Any) -> Answer:
    return Answer.model_validate(searches(a_question(query, *targets, tenant_id=str(TENANT))))


def eventually_within(true: Any) -> None:
    """Return when it is true; a model loads for seconds, on a busy machine for many."""
    for _ in range(12):
        try:
            eventually(true)
        except AssertionError:
            continue
        return
    raise AssertionError("the model did not load")
