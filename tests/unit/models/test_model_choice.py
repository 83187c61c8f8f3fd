"""Which model a setting means, and what of a model names its vectors."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_worker.models.presets import PRESETS, resolve
from edge_worker.models.spec import ModelSpec
from shared.errors import ConfigurationError
from tests.unit.models.checkpoints import COMMIT, lay_out, put_in_cache

BRAIN = PRESETS["brain"].name


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache, empty."""
    folder = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    return folder


@pytest.mark.parametrize("gib", [0.0, 6.0, 24.0])
def test_unset_is_what_comes_along(cache: Path, gib: float) -> None:
    """Where nobody chose and nothing was pulled, it is the small model, with weights that are known."""
    spec = resolve(None, gib)

    assert (spec.name, spec.dimension, spec.max_tokens) == ("all-MiniLM-L6-v2", 384, 256)
    assert spec.sha256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert spec == resolve("small", gib)


@pytest.mark.parametrize(("gib", "name"), [(7.9, "all-MiniLM-L6-v2"), (8.0, BRAIN)])
def test_large_gpu_takes_the_large_model_that_was_pulled(cache: Path, gib: float, name: str) -> None:
    """With 8 GiB of GPU memory the large model is taken as soon as it was pulled."""
    put_in_cache(cache, BRAIN, hidden_size=8, dtype="float32")

    assert resolve(None, gib).name == name


def test_preset_says_its_own_prompts_and_is_pinned_by_its_commit(cache: Path) -> None:
    """A preset's prompts and dtype go before the checkpoint's; its revision is the commit that lies on the disk."""
    folder = put_in_cache(cache, BRAIN)

    spec = resolve("brain", 0.0)

    assert (spec.source, spec.revision, spec.dtype) == (folder, COMMIT, "bfloat16")
    assert (spec.query_prompt, spec.document_prompt) == (PRESETS["brain"].query_prompt, "Represent the user's input.")


def test_name_on_the_hub_has_what_its_files_say(cache: Path) -> None:
    """Another model has its own prompts, dimension, length and dtype; a revision chooses among those on the disk."""
    put_in_cache(cache, "BAAI/bge", commit="f" * 40, torch_dtype="bfloat16")
    put_in_cache(cache, "BAAI/bge")

    spec = resolve("BAAI/bge", 0.0)

    assert (spec.name, spec.revision, spec.dimension, spec.max_tokens) == ("BAAI/bge", COMMIT, 8, 128)
    assert (spec.query_prompt, spec.document_prompt, spec.dtype) == ("query: ", "passage: ", "float32")
    assert resolve(f"BAAI/bge@{'f' * 40}", 0.0).dtype == "bfloat16"


@pytest.mark.parametrize("setting", ["brain", "code", "BAAI/bge-m3", "BAAI/bge-m3@main"])
def test_what_is_not_on_the_disk_names_the_command(cache: Path, setting: str) -> None:
    """A model that was not pulled is refused with the command that fetches it."""
    with pytest.raises(ConfigurationError, match=f"pharos models pull {setting}$"):
        resolve(setting, 0.0)


@pytest.mark.parametrize(
    "setting",
    ["a/b/c", "../etc", "a b", "https://host/model", "name@", "-x", "a--b", "small@1/2", "x.git", "models/", "é/x"],
)
def test_what_is_no_model_is_refused(cache: Path, setting: str) -> None:
    """A setting that cannot be a model is refused before anybody is asked."""
    with pytest.raises(ConfigurationError, match=r"^PHAROS_TEXT_MODEL is wrong: "):
        resolve(setting, 0.0)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", None),
        ("config.json", None),
        ("config.json", "{"),
        ("config.json", "[]"),
        ("config.json", "{}"),
        ("1_Pooling/config.json", "{}"),
        ("model.safetensors.index.json", '{"weight_map": {"x": "model-1-of-2.safetensors"}}'),
    ],
    ids=["no_weights", "no_config", "cut", "other", "without_dimension", "without_pooling", "part_missing"],
)
def test_folder_that_holds_no_whole_model_is_refused(tmp_path: Path, name: str, content: str | None) -> None:
    """What is missing or broken in a folder is an error of ours; a file of weights that may hold code is no help."""
    folder = lay_out(tmp_path / "model")
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    if name == "config.json":
        (folder / "modules.json").write_text("[]")
    (folder / name).unlink(missing_ok=True)
    if content is not None:
        (folder / name).write_text(content)

    with pytest.raises(ConfigurationError, match="holds no whole model"):
        resolve(str(folder), 0.0)


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    """A path that is no folder is said to be none."""
    with pytest.raises(ConfigurationError, match="is no folder"):
        resolve(str(tmp_path / "nowhere"), 0.0)


def test_same_bytes_elsewhere_are_the_same_model(tmp_path: Path) -> None:
    """A folder's model is named by what it holds: moved it is the same, with another byte it is another."""
    first = resolve(str(lay_out(tmp_path / "a" / "model")), 0.0)
    moved = resolve(str(shutil.copytree(tmp_path / "a" / "model", tmp_path / "b" / "model")), 0.0)
    other = resolve(str(lay_out(tmp_path / "c" / "model", weights=b"weightz")), 0.0)

    assert (moved.key, moved.collection) == (first.key, first.collection)
    assert other.key != first.key
    assert other.collection != first.collection


@pytest.mark.parametrize(
    ("modules", "parts", "dimension"),
    [
        ([], {}, 8),
        (["Transformer", "Pooling"], {"Pooling": {"embedding_dimension": 8, "pooling_mode": ["cls", "mean"]}}, 16),
        (
            ["Transformer", "Pooling", "Dense"],
            {
                "Pooling": {
                    "word_embedding_dimension": 8,
                    "pooling_mode_cls_token": True,
                    "pooling_mode_mean_tokens": True,
                },
                "Dense": {"out_features": 5},
            },
            5,
        ),
    ],
    ids=["no_modules", "two_poolings", "dense"],
)
def test_dimension_is_read_off_the_modules(
    tmp_path: Path, modules: list[str], parts: dict[str, dict[str, Any]], dimension: int
) -> None:
    """The dimension is what the last module gives, without loading one."""
    folder = lay_out(tmp_path / "model")
    (folder / "modules.json").write_text(
        json.dumps([{"type": f"sentence_transformers.models.{kind}", "path": kind} for kind in modules])
    )
    for kind, config in parts.items():
        (folder / kind).mkdir()
        (folder / kind / "config.json").write_text(json.dumps(config))

    assert resolve(str(folder), 0.0).dimension == dimension


def spec(**changed: Any) -> ModelSpec:
    """Return a word for a model."""
    plain = ModelSpec(
        name="BAAI/bge-m3",
        revision=COMMIT,
        source=Path("/models/bge"),
        dimension=1024,
        max_tokens=512,
        query_prompt="q",
        document_prompt="d",
        dtype="float32",
    )
    return replace(plain, **changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "BAAI/bge-m4"},
        {"revision": "f" * 40},
        {"dimension": 512},
        {"max_tokens": 256},
        {"query_prompt": "Q"},
        {"document_prompt": "D"},
        {"dtype": "bfloat16"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_whatever_changes_vectors_changes_the_collection(changed: dict[str, Any]) -> None:
    """Vectors that must not be mixed never lie in one collection; a query's prompt leaves documents as they are."""
    assert spec(**changed).collection != spec().collection
    assert (spec(**changed).key == spec().key) == ("query_prompt" in changed)
    assert re.fullmatch(r"text_[a-z0-9_]{1,120}", spec(**changed).collection)


@pytest.mark.parametrize("name", ["x" * 300, "Ü/ü", "a--b..c"])
def test_any_name_makes_a_collection(name: str) -> None:
    """However a model is called, its collection can be called by it."""
    assert re.fullmatch(r"text_[a-z0-9_]{1,120}", spec(name=name).collection)


def test_place_changes_no_collection() -> None:
    """Where a model lies, and what its weights must hash to, changes nothing that it gives."""
    elsewhere = spec(source=Path("/elsewhere"), sha256="0" * 64)

    assert (elsewhere.key, elsewhere.collection) == (spec().key, spec().collection)
