"""What this worker can do: found on its machine, or said by its owner."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from typing import Literal

import psutil
from pydantic import TypeAdapter, ValidationError

from edge_worker.attempt.messages import Hello
from shared.errors import ConfigurationError
from shared.jobs.kinds import Kind
from shared.logs import get_logger
from shared.nodes.capabilities import Capabilities, ModelName

log = get_logger(__name__)

_MODEL: TypeAdapter[str] = TypeAdapter(ModelName)
_MOST_MODELS = 64


def read_kinds(words: Sequence[str]) -> tuple[Kind, ...]:
    """Return the kinds of job that were named, or all of them.

    Raises:
        ConfigurationError: there is no such kind.
    """
    for word in words:
        if word not in set(Kind):
            raise ConfigurationError(f"PHAROS_KINDS is wrong: '{word}' is no kind of job. There are {', '.join(Kind)}")
    return tuple(kind for kind in Kind if not words or kind in words)


def read_models(words: Sequence[str]) -> tuple[str, ...]:
    """Return the models that were named.

    Raises:
        ConfigurationError: no hub writes a name like that.
    """
    if len(words) > _MOST_MODELS:
        raise ConfigurationError(
            f"PHAROS_MODELS is wrong: it names {len(words)} models, and {_MOST_MODELS} are the most"
        )
    for word in words:
        try:
            _MODEL.validate_python(word)
        except ValidationError:
            raise ConfigurationError(f"PHAROS_MODELS is wrong: '{word}' is no name of a model") from None
    return tuple(dict.fromkeys(words))


def abilities(
    hello: Hello,
    *,
    node: str,
    kinds: tuple[Kind, ...],
    models: tuple[str, ...],
    device: Literal["auto", "cpu", "cuda"],
    gpu_memory: float | None,
    memory: float | None,
    vector_store: Literal["lancedb", "qdrant"],
) -> Capabilities:
    """Return what a worker can do whose compute process says ``hello``; two of them (GiB) can be overruled."""
    wanted = hello.gpu_memory if gpu_memory is None else gpu_memory
    gpu = device != "cpu" and wanted > 0 and (hello.gpu or gpu_memory is not None)
    if gpu and not hello.gpu:
        log.warning("gpu_not_found", hint="PHAROS_GPU_MEMORY says that there is one")
    return Capabilities(
        node=node,
        kinds=kinds,
        gpu=gpu,
        gpu_name=hello.gpu_name if gpu else None,
        gpu_memory=wanted if gpu else 0.0,
        memory=round(psutil.virtual_memory().total / 2**30, 1) if memory is None else memory,
        cpus=os.cpu_count() or 1,
        system=platform.system(),
        machine=platform.machine(),
        models=models,
        vector_store=vector_store,
    )
