"""Presets: what each learns in one pass, at which rate, and how its vectors are read."""

from __future__ import annotations

import pytest
import torch
from compute_graphs import communities
from test_node2vec import scores
from torch.nn import functional

from edge_worker.compute.embedding import read_vectors
from edge_worker.compute.graph import adjacency
from edge_worker.compute.trainer import Parameters, Preset, preset

#: A path of three, and a fourth node beside its end.
EDGES = torch.tensor([[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]])


@pytest.mark.parametrize("name", ["pure", "balanced", "fast"])
def test_one_pass_is_enough(name: Preset) -> None:
    """One pass finds the blocks of a graph with heavy-tailed degrees, and ranks edges that it never saw."""
    labels, links = scores(communities(1_000, 6, mixing=0.35), preset(name, epochs=1))

    assert labels > 0.82
    assert links > 0.68


def test_smoothing_makes_up_for_few_walks() -> None:
    """Pulled to their neighbours, vectors of four walks tell more of blocks and edges than as they were left."""
    graph = communities(1_000, 6, mixing=0.35)

    plain, smooth = scores(graph, preset("fast", epochs=1, smooth=0)), scores(graph, preset("fast", epochs=1))

    assert smooth[0] > plain[0] + 0.01
    assert smooth[1] > plain[1] + 0.01


@pytest.mark.parametrize("directed", [False, True])
def test_each_pull_is_half_way_to_the_mean_of_the_neighbours(directed: bool) -> None:
    """Each time a vector becomes the sum of itself and its neighbours' mean, edges counted both ways, of length 1."""
    pairs = torch.randn(4, 2, 8, generator=torch.Generator().manual_seed(3))
    both = torch.zeros(4, 4).index_put_((EDGES[0], EDGES[1]), torch.tensor(1.0))
    wanted = functional.normalize(pairs.sum(1))

    graph = adjacency(EDGES[:, EDGES[0] < EDGES[1]] if directed else EDGES, 4)

    for times in range(4):
        torch.testing.assert_close(read_vectors(pairs, graph, smooth=times), wanted)
        wanted = functional.normalize(wanted + both / both.sum(1, keepdim=True) @ wanted)


@pytest.mark.parametrize(
    ("walks", "epochs", "rate"), [(4, 1, 0.08), (4, 2, 0.05), (10, 1, 0.05), (10, 4, 0.05), (10, 5, 0.025)]
)
def test_fewer_walks_are_learnt_from_by_larger_steps(walks: int, epochs: int, rate: float) -> None:
    """The first rate falls as the walks of all epochs grow; one that is asked for is kept."""
    assert Parameters(walks_per_node=walks, epochs=epochs).first_rate == rate
    assert Parameters(walks_per_node=walks, epochs=epochs, rate=0.01).first_rate == 0.01
