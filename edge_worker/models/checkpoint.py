"""A model's folder as sentence-transformers lays it out: what it says of itself, read without loading it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from edge_worker.models.spec import Dtype
from shared.errors import ConfigurationError

#: Longer texts are cut, whatever the model could take: attention costs grow with the square.
MOST_TOKENS = 2048
_MOST_CONFIG_BYTES = 16 << 20
_POOLINGS = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a model's folder says of it."""

    dimension: int
    max_tokens: int
    query_prompt: str
    document_prompt: str
    dtype: Dtype


def read_checkpoint(folder: Path) -> Checkpoint:
    """Return what the folder says.

    Raises:
        ConfigurationError: it holds no whole model with weights as safetensors.
    """
    try:
        _require_weights(folder)
        config = _json(folder / "config.json")
        prompts = _optional(folder / "config_sentence_transformers.json").get("prompts") or {}
        return Checkpoint(
            dimension=_dimension(folder, config),
            max_tokens=_max_tokens(folder, config),
            query_prompt=str(prompts.get("query") or ""),
            document_prompt=str(prompts.get("document") or prompts.get("passage") or ""),
            dtype="bfloat16" if "bfloat16" in {config.get("dtype"), config.get("torch_dtype")} else "float32",
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"The folder {folder} holds no whole model ({error or type(error).__name__}). No text was embedded. "
            "Pull it again with 'pharos models pull', or set PHAROS_TEXT_MODEL to another one."
        ) from None


def content_revision(folder: Path) -> str:
    """Return 40 hexadecimal digits over all that the folder holds: another byte, another revision."""
    files = tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in _files(folder))
    return _hashed(folder, files)


@lru_cache(maxsize=8)
def _hashed(folder: Path, files: tuple[tuple[Path, int, int], ...]) -> str:
    whole = hashlib.sha256()
    for path, size, _ in files:
        whole.update(f"{path.relative_to(folder).as_posix()}\n{size}\n{sha256_of(path)}\n".encode())
    return whole.hexdigest()[:40]


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as hexadecimal digits."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden and path.suffix != ".md":
            yield path


def _require_weights(folder: Path) -> None:
    index = folder / "model.safetensors.index.json"
    wanted = {"model.safetensors"} if not index.is_file() else set(_json(index)["weight_map"].values())
    missing = sorted(name for name in wanted if not (folder / name).is_file())
    if missing:
        raise ValueError(f"{missing[0]} is missing")


def _dimension(folder: Path, config: dict[str, Any]) -> int:
    """What the last module that changes the width gives; without modules, the width of the model itself."""
    width = int((config.get("text_config") or config).get("hidden_size") or 0)
    for module in _modules(folder):
        kind, part = str(module["type"]).rpartition(".")[2], _optional(folder / str(module["path"]) / "config.json")
        if kind == "Pooling":
            width = int(part.get("embedding_dimension") or part["word_embedding_dimension"]) * _pooled(part)
        elif kind == "Dense":
            width = int(part["out_features"])
    if width < 1:
        raise ValueError("its configuration says no dimension")
    return width


def _pooled(part: dict[str, Any]) -> int:
    """How many poolings stand side by side in a vector."""
    mode = part.get("pooling_mode")
    if mode is not None:
        return 1 if isinstance(mode, str) else len(mode)
    return sum(bool(part.get(f"pooling_mode_{name}")) for name in _POOLINGS) or 1


def _max_tokens(folder: Path, config: dict[str, Any]) -> int:
    said = (
        _optional(folder / "sentence_bert_config.json").get("max_seq_length"),
        _optional(folder / "tokenizer_config.json").get("model_max_length"),
        (config.get("text_config") or config).get("max_position_embeddings"),
    )
    return min([MOST_TOKENS, *(int(value) for value in said if value)])


def _modules(folder: Path) -> list[dict[str, Any]]:
    path = folder / "modules.json"
    if not path.is_file():
        return []
    modules: list[dict[str, Any]] = json.loads(_text(path))
    return modules


def _optional(path: Path) -> dict[str, Any]:
    return _json(path) if path.is_file() else {}


def _json(path: Path) -> dict[str, Any]:
    value = json.loads(_text(path))
    if not isinstance(value, dict):
        raise ValueError(f"{path.name} is no object")
    return value


def _text(path: Path) -> str:
    if path.stat().st_size > _MOST_CONFIG_BYTES:
        raise ValueError(f"{path.name} is too large")
    return path.read_text("utf-8")
