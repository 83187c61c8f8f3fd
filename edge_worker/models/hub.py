"""Models of the hub: finding one on this machine's disk, and fetching one because somebody said so."""

from __future__ import annotations

import re
from pathlib import Path

from shared.errors import ConfigurationError

_NAME = re.compile(
    r"(?!.*(--|\.\.|\.git$))([a-z0-9][a-z0-9_.-]{0,95}\b/)?[a-z0-9][a-z0-9_.-]{0,95}\b", re.ASCII | re.IGNORECASE
)
_REVISION = re.compile(r"\w[\w.-]{0,99}", re.ASCII)
#: Weights as safetensors alone: other kinds may hold code. What other runtimes need is left where it is.
_WANTED = ["*.json", "*.txt", "*.model", "*.jinja", "*.safetensors"]
_UNWANTED = ["onnx/*", "openvino/*", "original/*"]


def read_name(setting: str) -> tuple[str, str | None]:
    """Return name and revision of ``name`` or ``name@revision``.

    Raises:
        ConfigurationError: no model of the hub can be called that.
    """
    name, at, revision = setting.partition("@")
    if not _NAME.fullmatch(name) or (at and not _REVISION.fullmatch(revision)):
        raise ConfigurationError(
            f"PHAROS_TEXT_MODEL is wrong: {setting[:200]!r} is no model. It is small, brain, code, a name on the hub "
            "such as BAAI/bge-m3, with @ and a revision if need be, or the absolute path of a folder"
        )
    return name, revision or None


def found(name: str, revision: str | None) -> Path | None:
    """Return the folder of a model that was fetched before, named by its commit; ``None`` if it was not."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        return None


def fetched(name: str, revision: str | None) -> Path:
    """Fetch a model, or what is missing of it, and return its folder, named by its commit.

    Raises:
        ConfigurationError: there is no such model, the hub does not answer, or the disk is full.
    """
    import httpx
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=_WANTED, ignore_patterns=_UNWANTED))
    except (OSError, ValueError, httpx.HTTPError) as error:
        said = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise ConfigurationError(
            f"The model {name} could not be fetched ({said[:300]}). What came is kept, and nothing else was changed. "
            "Check its name and the way to the hub, and try again."
        ) from None
