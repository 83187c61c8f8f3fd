"""Abilities: found by probing, overruled by the owner, and never more than one clear line when they are wrong."""

from __future__ import annotations

from typing import Any

import pytest

from edge_worker.abilities import abilities, read_kinds, read_models
from edge_worker.attempt.messages import Hello
from shared.errors import ConfigurationError
from shared.jobs.kinds import Kind
from shared.nodes.capabilities import Capabilities, Needs

_GPU = Hello(gpu=True, gpu_name="RTX", gpu_memory=8.0)
_NONE = Hello(gpu=False, gpu_name=None, gpu_memory=0.0)


def _abilities(hello: Hello, **said: Any) -> Capabilities:
    given = {
        "node": "den",
        "kinds": tuple(Kind),
        "models": (),
        "device": "auto",
        "gpu_memory": None,
        "memory": None,
        "vector_store": "lancedb",
    }
    return abilities(hello, **{**given, **said})


@pytest.mark.parametrize(
    ("hello", "said", "gpu", "memory"),
    [
        (_GPU, {}, True, 8.0),
        (_NONE, {}, False, 0.0),
        (_GPU, {"gpu_memory": 6.0}, True, 6.0),
        (_GPU, {"gpu_memory": 0.0}, False, 0.0),
        (_NONE, {"gpu_memory": 6.0}, True, 6.0),
        (_GPU, {"device": "cpu"}, False, 0.0),
        (_NONE, {"device": "cpu", "gpu_memory": 6.0}, False, 0.0),
        (_NONE, {"gpu_memory": 0.0}, False, 0.0),
    ],
    ids=["found", "none", "less", "hidden", "claimed", "cpu", "cpu claimed", "none and none"],
)
def test_a_gpu_is_what_is_found_or_said(hello: Hello, said: dict[str, Any], gpu: bool, memory: float) -> None:
    """The owner's word goes before the machine's, and a worker told to use the CPU has no GPU at all."""
    can = _abilities(hello, **said)

    assert (can.gpu, can.gpu_memory) == (gpu, memory)
    assert Needs(gpu=True).met_by(can) is gpu
    assert Needs(gpu_memory=6).met_by(can) is (memory >= 6)


def test_memory_is_found_or_said() -> None:
    """Main memory is the machine's, unless its owner gives less."""
    assert _abilities(_NONE).memory > 0
    assert _abilities(_NONE, memory=2.0).memory == 2.0


@pytest.mark.parametrize(
    ("words", "kinds"),
    [((), tuple(Kind)), (("remove",), (Kind.REMOVE,)), (("remove", "ingest", "remove"), (Kind.INGEST, Kind.REMOVE))],
    ids=["all", "one", "twice"],
)
def test_kinds_are_those_that_are_named(words: tuple[str, ...], kinds: tuple[Kind, ...]) -> None:
    """Without a word a worker takes every kind."""
    assert read_kinds(words) == kinds


def test_a_kind_that_does_not_exist_is_named() -> None:
    """A slip in PHAROS_KINDS is one line that names it and what there is."""
    with pytest.raises(ConfigurationError, match=r"PHAROS_KINDS is wrong: 'embd' .* ingest, remove"):
        read_kinds(("ingest", "embd"))


@pytest.mark.parametrize(
    "words", [("a model",), ("../weights",), ("x" * 101,), tuple(f"m{number}" for number in range(65))]
)
def test_a_model_that_no_hub_has_is_named(words: tuple[str, ...]) -> None:
    """A slip in PHAROS_MODELS is one line that names the variable."""
    with pytest.raises(ConfigurationError, match="PHAROS_MODELS is wrong"):
        read_models(words)


def test_models_are_told() -> None:
    """A job that needs a model goes to a worker that may load it."""
    can = _abilities(_NONE, models=read_models(("BAAI/bge-small-en-v1.5", "BAAI/bge-small-en-v1.5")))

    assert can.models == ("BAAI/bge-small-en-v1.5",)
    assert Needs(model="BAAI/bge-small-en-v1.5").met_by(can)
