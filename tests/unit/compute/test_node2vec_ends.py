"""How a fit says how far it is, stops when told, and fails cleanly."""

from __future__ import annotations

import weakref

import pytest
import torch
from compute_graphs import CPU, CUDA, communities, digest, embed, out_of_memory
from torch import Tensor

from edge_worker.compute.ladder import rungs
from edge_worker.compute.skipgram import SkipGram
from edge_worker.compute.trainer import Parameters
from shared.errors import Cancelled, Permanent


def test_progress_counts_epochs() -> None:
    """Progress starts at none of them, never goes back, tells each epoch, and ends with all."""
    heard: list[tuple[int, int]] = []

    embed(120, communities(120, 3).edges, Parameters(epochs=3), progress=lambda *at: heard.append(at))

    assert heard[0] == (0, 3)
    assert heard == sorted(heard)
    assert {done for done, _ in heard} == {0, 1, 2, 3}
    assert heard[-1] == (3, 3)


def test_a_long_epoch_can_be_cancelled_inside() -> None:
    """Progress is told within an epoch too, so that a cancel does not wait for its end."""
    heard: list[tuple[int, int]] = []

    embed(
        4_000, [(node, node + 1) for node in range(3_999)], Parameters(epochs=1), progress=lambda *at: heard.append(at)
    )

    assert heard.count((0, 1)) > 2


@pytest.mark.parametrize("after", [0, 1, 4])
def test_cancel_comes_out_as_it_is(after: int) -> None:
    """What progress raises ends the fit and comes out unchanged; the process can fit again."""
    graph, calls, threads = communities(120, 3), [], torch.get_num_threads()

    def stop(done: int, total: int) -> None:
        calls.append(done)
        if len(calls) > after:
            raise Cancelled("cancel_requested", "Cancelled on request.")

    with pytest.raises(Cancelled) as caught:
        embed(120, graph.edges, progress=stop)

    assert caught.value.reason == "cancel_requested"
    assert len(calls) == after + 1
    assert torch.get_num_threads() == threads
    assert digest(embed(120, graph.edges)) == digest(embed(120, graph.edges))


@pytest.mark.parametrize(("times", "batch"), [(1, 64), (2, 32)])
def test_out_of_memory_halves_the_batch(times: int, batch: int) -> None:
    """Each time memory runs out the fit starts again with half the batch, and comes to what that batch comes to."""
    graph, parameters = communities(300, 3), Parameters(epochs=2, batch=128)

    embedding = embed(300, graph.edges, parameters, step=out_of_memory(times))

    assert embedding.stats.batch == batch
    assert digest(embedding) == digest(embed(300, graph.edges, Parameters(epochs=2, batch=batch)))


def test_out_of_memory_on_a_gpu_ends_on_the_cpu() -> None:
    """A GPU takes four times the batch; the last way to fit is the CPU with the full batch, on the CPU a quarter."""
    on_gpu, on_cpu = rungs(CUDA, 256), rungs(CPU, 256)

    assert [(rung.device, rung.batch) for rung in on_gpu] == [(CUDA, 1024), (CUDA, 512), (CUDA, 256), (CPU, 256)]
    assert [(rung.device, rung.batch) for rung in on_cpu] == [(CPU, 256), (CPU, 128), (CPU, 64)]


def test_memory_that_never_suffices_fails_the_job() -> None:
    """When every way has run out of memory the job fails with the reason, once and for all."""
    with pytest.raises(Permanent) as caught:
        embed(120, communities(120, 3).edges, step=out_of_memory(100))

    assert caught.value.reason == "training_failed"
    assert "out of memory" in str(caught.value.details["cause"])


def test_a_failed_fit_lets_go_of_its_tables() -> None:
    """A failure of torch fails the job with its cause, and holding the error does not hold the model's memory."""
    models: list[weakref.ref[SkipGram]] = []

    def step(model: SkipGram, walks: Tensor, noise: Tensor, rate: float) -> None:
        models.append(weakref.ref(model))
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    with pytest.raises(Permanent) as caught:
        embed(120, communities(120, 3).edges, step=step)

    assert caught.value.reason == "training_failed"
    assert "illegal memory access" in str(caught.value.details["cause"])
    assert [model() for model in models] == [None]


def test_vectors_that_are_no_numbers_fail_the_job() -> None:
    """A training that diverges is a failure, not a result."""

    def step(model: SkipGram, walks: Tensor, noise: Tensor, rate: float) -> None:
        model.step(walks, noise, float("nan"))

    with pytest.raises(Permanent) as caught:
        embed(120, communities(120, 3).edges, step=step)

    assert caught.value.reason == "training_failed"
