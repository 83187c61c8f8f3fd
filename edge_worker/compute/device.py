"""Device: which one a fit runs on, what this machine has, and giving GPU memory back."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch

from shared.errors import Permanent

Wanted = Literal["auto", "cpu", "cuda"]

#: Up to here starting the kernels costs more than they save, and the CPU is as fast.
GPU_PAYS_ABOVE = 5_000


@dataclass(frozen=True, kw_only=True)
class DeviceFacts:
    """The GPU of this machine that torch can use, the one with the most memory."""

    gpu: bool = False
    name: str | None = None
    #: GiB.
    memory_gib: float = 0.0


def probe() -> DeviceFacts:
    """Return what torch can use here. Initialises no CUDA context, so it takes no GPU memory."""
    if not torch.cuda.is_available():
        return DeviceFacts()
    known = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    best = max(known, key=lambda properties: int(properties.total_memory))
    return DeviceFacts(gpu=True, name=str(best.name), memory_gib=round(best.total_memory / 2**30, 2))


def choose_device(wanted: Wanted, num_nodes: int) -> torch.device:
    """Return where to fit a graph of ``num_nodes``; ``auto`` takes a GPU that is there once it pays.

    Raises:
        Permanent: ``gpu_missing``, when ``cuda`` is wanted and torch has none.
    """
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise Permanent(
            "gpu_missing", "A GPU was asked for and torch finds none here. Nothing was trained; use 'auto'."
        )
    if wanted == "cuda" or (wanted == "auto" and available and num_nodes > GPU_PAYS_ABOVE):
        return torch.device("cuda")
    return torch.device("cpu")


def release() -> None:
    """Give unused GPU memory back to the driver; tensors that something still refers to stay."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch's operations on one thread, then on as many as before; meanwhile tiny numbers are zero.

    Operations of the size of a batch get slower, in time and more so in CPU seconds, when they are split, and with
    numbers that are nearly zero many times slower.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)
