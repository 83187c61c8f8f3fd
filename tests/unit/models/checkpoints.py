"""Folders laid out as a model's, with weights that are none: for what reads a model without loading it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def lay_out(folder: Path, *, weights: bytes = b"weights", **config: Any) -> Path:
    """Make a folder that looks like a model of dimension 8; return it."""
    files: dict[str, object] = {
        "config.json": {"hidden_size": 8, "max_position_embeddings": 512, **config},
        "modules.json": [
            {"type": "sentence_transformers.models.Transformer", "path": ""},
            {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
        ],
        "1_Pooling/config.json": {"word_embedding_dimension": 8, "pooling_mode_mean_tokens": True},
        "sentence_bert_config.json": {"max_seq_length": 128},
        "config_sentence_transformers.json": {"prompts": {"query": "query: ", "document": "passage: "}},
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    (folder / "model.safetensors").write_bytes(weights)
    return folder


def put_in_cache(cache: Path, name: str, commit: str = COMMIT, **config: Any) -> Path:
    """Make what a fetch of a model leaves in the hub's cache; return the folder of its commit."""
    home = cache / f"models--{name.replace('/', '--')}"
    (home / "refs").mkdir(parents=True, exist_ok=True)
    (home / "refs" / "main").write_text(commit)
    return lay_out(home / "snapshots" / commit, **config)
