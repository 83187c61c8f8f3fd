"""Choosing a device."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from edge_worker.compute.device import GPU_PAYS_ABOVE, choose_device, one_thread, probe
from shared.errors import Permanent

has_gpu = torch.cuda.is_available()


def test_small_graphs_stay_on_the_cpu() -> None:
    """Up to the size at which a GPU pays, and whenever asked for, the CPU is taken, whatever the machine has."""
    assert choose_device("auto", GPU_PAYS_ABOVE).type == "cpu"
    assert choose_device("cpu", 1_000_000).type == "cpu"


def test_auto_takes_a_gpu_for_large_graphs_where_there_is_one() -> None:
    """Above that size ``auto`` is what the machine has."""
    assert choose_device("auto", GPU_PAYS_ABOVE + 1).type == ("cuda" if has_gpu else "cpu")


@pytest.mark.skipif(has_gpu, reason="this machine has a GPU")
def test_a_missing_gpu_is_said() -> None:
    """Asking for a GPU where there is none ends the job with a reason."""
    with pytest.raises(Permanent) as caught:
        choose_device("cuda", 10)

    assert caught.value.reason == "gpu_missing"


def test_probe_tells_what_torch_can_use() -> None:
    """Facts name a GPU with its memory, or none of it."""
    facts = probe()

    assert facts.gpu is has_gpu
    assert (facts.name is not None) is has_gpu
    assert (facts.memory_gib > 0) is has_gpu


def test_one_thread_is_undone() -> None:
    """The number of threads is one inside and as before outside, also after an error."""
    before, inside = torch.get_num_threads(), []

    @one_thread()
    def fail() -> None:
        inside.append(torch.get_num_threads())
        raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert inside == [1]
    assert torch.get_num_threads() == before


def test_naming_the_package_loads_no_torch() -> None:
    """Importing edge_worker.compute alone does not import torch."""
    code = "import sys, edge_worker.compute; sys.exit('torch' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], check=False)

    assert done.returncode == 0
