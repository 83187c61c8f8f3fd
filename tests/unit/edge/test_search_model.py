"""The model of a search process: what is said until it is there, and what it is asked when it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edge_twins import eventually

from edge_worker.models.spec import ModelSpec
from edge_worker.searching.loads import FIRST, Loads
from edge_worker.searching.model import Lack, Model
from shared.errors import ConfigurationError
from shared.stores.passages import Vectors

SPEC = ModelSpec(
    name="tiny",
    revision="1" * 40,
    source=Path("nowhere"),
    dimension=4,
    max_tokens=16,
    query_prompt="",
    document_prompt="",
    dtype="float32",
)


@dataclass
class Embedder:
    """Gives the same vector for everything, when it may."""

    free: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.free.set()

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Return a vector for each."""
        self.asked += texts
        assert self.free.wait(10)
        if "poison" in texts:
            raise RuntimeError("no such token")
        return np.ones((len(texts), 4), dtype=np.float32) / 2


class House:
    """A model whose load waits until it may."""

    def __init__(self, folder: Path, *, again: float = 30.0, find: Callable[[], ModelSpec] = lambda: SPEC) -> None:
        self.embedder, self.free = Embedder(), threading.Event()
        self.loaded: list[ModelSpec] = []
        self.broken: Exception | None = None
        self.loads = Loads(path=folder / "loads.json")
        self.model = Model(find=find, load=self._load, loads=self.loads, again=again)
        eventually(lambda: self.model.spec() or self.lack.degraded == "model_missing")

    @property
    def lack(self) -> Lack:
        """Why there is no vector now."""
        found = self.model.vector("nobody asked this", soon())
        assert isinstance(found, Lack)
        return found

    def ready(self) -> Model:
        """Return the model once it is loaded."""
        self.free.set()
        self.model.load()
        eventually(lambda: isinstance(self.vector("ready?"), np.ndarray))
        return self.model

    def vector(self, query: str, until: float | None = None) -> Any:
        """Ask for a question's vector."""
        self.model.begin(query)
        return self.model.vector(query, soon() if until is None else until)

    def _load(self, spec: ModelSpec) -> Embedder:
        assert self.free.wait(10)
        self.loaded.append(spec)
        if self.broken is not None:
            raise self.broken
        return self.embedder


def soon() -> float:
    """Return a moment by which everything should have happened."""
    return time.monotonic() + 10


def test_a_model_is_not_loaded_by_itself(tmp_path: Path) -> None:
    """Which one it is, is known at once; it is said to be on its way, and takes as long as a first load does."""
    house = House(tmp_path)

    assert house.model.spec() == SPEC
    assert house.lack == Lack(degraded="model_loading", ready_in=FIRST)
    assert house.loaded == []


def test_the_last_load_announces_the_next(tmp_path: Path) -> None:
    """The seconds that a load took are what the next one is announced with, and another model's are not."""
    house = House(tmp_path)
    house.loads.note(SPEC.collection, 42.0)

    assert house.lack.ready_in == 42.0
    assert house.loads.expected("text_other_4_01234567") == FIRST


def test_a_load_that_takes_longer_is_announced_for_any_moment(tmp_path: Path) -> None:
    """Nothing is promised for the past."""
    house = House(tmp_path)
    house.loads.note(SPEC.collection, 0.001)
    house.model.load()

    assert house.lack == Lack(degraded="model_loading", ready_in=1.0)
    house.free.set()


def test_a_damaged_note_of_a_load_is_no_note(tmp_path: Path) -> None:
    """Whatever is in the file, a load is announced."""
    (tmp_path / "loads.json").write_text('{"collection": "x", "seconds": -1}')

    assert Loads(path=tmp_path / "loads.json").expected(None) == FIRST


def test_the_same_question_is_embedded_once(tmp_path: Path) -> None:
    """However often the same is asked, the model sees it once."""
    house = House(tmp_path)
    house.ready()

    found = [house.vector("where is the token checked?") for _ in range(3)]

    assert house.embedder.asked.count("where is the token checked?") == 1
    assert all(np.array_equal(one, found[0]) for one in found)
    assert house.loaded == [SPEC]


def test_a_model_that_is_slow_leaves_it_to_the_words(tmp_path: Path) -> None:
    """Nobody waits longer than there is time; what was under way then is there for who asks again."""
    house = House(tmp_path)
    house.ready()
    house.embedder.free.clear()

    late = house.vector("slow", time.monotonic() + 0.05)
    dropped = house.vector("behind it", time.monotonic() + 0.05)
    house.embedder.free.set()

    assert late == dropped == Lack(degraded="out_of_time")
    assert isinstance(house.vector("slow"), np.ndarray)
    assert (house.embedder.asked.count("slow"), house.embedder.asked.count("behind it")) == (1, 0)


def test_a_question_that_breaks_the_model_breaks_nothing_else(tmp_path: Path) -> None:
    """Words alone answer it, and the next question has its vector."""
    house = House(tmp_path)
    house.ready()

    assert house.vector("poison") == Lack(degraded="model_missing")
    assert isinstance(house.vector("harmless"), np.ndarray)


def test_a_model_that_is_missing_is_looked_for_again(tmp_path: Path) -> None:
    """What could not be had is said to be missing, and is there soon after somebody fetched it."""
    there = threading.Event()

    def find() -> ModelSpec:
        if not there.is_set():
            raise ConfigurationError("The text model is missing on disk.")
        return SPEC

    house = House(tmp_path, again=0.0, find=find)
    house.free.set()
    missing = house.lack
    there.set()

    assert missing == Lack(degraded="model_missing")
    assert house.ready().spec() == SPEC


@pytest.mark.parametrize("again", [30.0, 0.0], ids=["at-once", "later"])
def test_a_model_that_cannot_be_loaded_is_not_tried_all_the_time(tmp_path: Path, again: float) -> None:
    """A load that broke is tried again after a while, not with every question."""
    house = House(tmp_path, again=again)
    house.broken = ConfigurationError("It cannot be loaded.")
    house.free.set()
    house.model.load()
    eventually(lambda: house.lack.degraded == "model_missing")

    house.model.load()

    eventually(lambda: len(house.loaded) == (2 if again == 0.0 else 1))
    eventually(lambda: house.lack.degraded == "model_missing")
