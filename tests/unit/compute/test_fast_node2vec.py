"""The model as torch_geometric's Node2Vec."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch_geometric.typing
from compute_graphs import CPU, communities, digest, unheard
from test_node2vec import label_score
from torch_geometric.nn import Node2Vec

from edge_worker.compute.data import graph_data
from edge_worker.compute.node2vec import FastNode2Vec, fit
from edge_worker.compute.skipgram import SkipGram
from edge_worker.compute.trainer import Parameters

GRAPH = communities(200, 3, mixing=0.1)
EDGES = graph_data(200, GRAPH.edges).edge_index


def test_it_is_torch_geometrics_model() -> None:
    """Only the constructor and ``fit`` are ours; all else is inherited, and the weights load into each other."""
    model = FastNode2Vec(EDGES, 16, num_nodes=200)

    assert isinstance(model, Node2Vec)
    for name in ("forward", "loss", "loader", "test", "pos_sample", "neg_sample", "sample", "reset_parameters"):
        assert getattr(FastNode2Vec, name) is getattr(Node2Vec, name)
    assert set(model.state_dict()) == {"embedding.weight"}
    other = FastNode2Vec(EDGES, 16, num_nodes=200, seed=1)
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(torch.tensor([3])), model(torch.tensor([3])))


@pytest.mark.skipif(torch_geometric.typing.WITH_PYG_LIB, reason="pyg-lib is installed")
def test_it_needs_no_compiled_extension() -> None:
    """Where torch_geometric's own constructor raises for want of pyg-lib, this one works and fits."""
    with pytest.raises(ImportError, match="pyg-lib"):
        Node2Vec(EDGES, 16, 20, 10)

    model = FastNode2Vec(EDGES, 16, 20, 10, epochs=1)

    assert model.fit(device=CPU, progress=unheard).vectors.shape == (200, 16)
    assert not hasattr(torch.ops.pyg, "random_walk")


def test_fit_is_the_one_path() -> None:
    """The model's fit gives the bits that ``fit`` gives, and they become its weights."""
    parameters = Parameters(epochs=1, p=0.5, q=2.0, walks_per_node=4)
    model = FastNode2Vec(EDGES, p=0.5, q=2.0, walks_per_node=4, num_nodes=200, epochs=1)

    embedding = model.fit(device=CPU, progress=unheard)

    assert digest(embedding) == digest(fit(graph_data(200, GRAPH.edges), parameters, device=CPU, progress=unheard))
    assert np.array_equal(model().detach().numpy(), embedding.vectors)


@pytest.mark.parametrize(("p", "q"), [(1.0, 1.0), (0.5, 2.0)])
def test_torch_geometrics_loop_learns_on_our_walks(p: float, q: float) -> None:
    """Loader, loss and autograd as torch_geometric has them tell two groups apart on walks of this package."""
    size = 8
    one = [(a, b) for a in range(size) for b in range(a)]
    edges = graph_data(2 * size, [*one, *((a + size, b + size) for a, b in one), (0, size)]).edge_index
    model = FastNode2Vec(edges, 8, 10, 5, 4, p, q, 1, epochs=150)

    vectors = model.fit(device=CPU, progress=unheard, engine="pyg").vectors

    cosine, apart = vectors @ vectors.T, ~np.eye(size, dtype=bool)
    within = (cosine[:size, :size][apart].mean() + cosine[size:, size:][apart].mean()) / 2
    assert within > cosine[:size, size:].mean() + 0.4
    assert torch.equal(torch.nn.functional.normalize(model().detach()), torch.from_numpy(vectors))


def test_torch_geometrics_walks_heed_its_seed() -> None:
    """The walk has the operator's signature; torch's seed decides it, and other rows may be walked as well."""
    model = FastNode2Vec(EDGES, 16, num_nodes=200)

    def walked(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        found = model.random_walk_fn(model.rowptr, model.col, torch.arange(200), 5, 0.5, 2.0)
        assert isinstance(found, torch.Tensor)
        return found

    first, again, other = walked(1), walked(1), walked(2)
    street = model.random_walk_fn(torch.tensor([0, 1, 2, 2]), torch.tensor([1, 2]), torch.tensor([0, 2]), 3)

    assert first.shape == (200, 6)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert street.tolist() == [[0, 1, 2, 2], [2, 2, 2, 2]]


def test_weights_and_directions_count() -> None:
    """Groups that only weights or directions tell apart come out apart."""
    size = 12
    inside = [(a + offset, b + offset) for offset in (0, size) for a in range(size) for b in range(a)]
    across = [(a, b + size) for a in range(size) for b in range(size)]
    index = torch.tensor([*inside, *across]).t()
    weight = torch.cat([torch.full((len(inside),), 8.0), torch.full((len(across),), 0.1)])
    both = torch.cat([index, index.flip(0)], 1)

    for model in (
        FastNode2Vec(both, edge_weight=weight.repeat(2), epochs=4),
        FastNode2Vec(index, edge_weight=weight, epochs=4),
    ):
        vectors = model.fit(device=CPU, progress=unheard).vectors
        cosine = vectors @ vectors.T
        apart = ~np.eye(size, dtype=bool)
        within = (cosine[:size, :size][apart].mean() + cosine[size:, size:][apart].mean()) / 2
        assert within > cosine[:size, size:].mean() + 0.2


def test_a_walk_that_cannot_go_on_is_not_learnt_from() -> None:
    """Where a one-way street ends, the rest of the walk is nowhere instead of the last file again and again."""
    street = torch.tensor([[0, 1, 2, 0], [1, 2, 3, 4]])
    seen: list[torch.Tensor] = []

    def step(model: SkipGram, walks: torch.Tensor, noise: torch.Tensor, rate: float) -> None:
        seen.append(walks.clone())
        model.step(walks, noise, rate)

    embedding = FastNode2Vec(street, 8, 6, 3, epochs=1).fit(device=CPU, progress=unheard, step=step)

    walks = torch.cat(seen)
    assert np.isfinite(embedding.vectors).all()
    assert set(map(tuple, walks[walks[:, 0] == 0].tolist())) == {(0, 1, 2, 3, 5, 5), (0, 4, 5, 5, 5, 5)}


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_weights_are_positive_numbers(weight: float) -> None:
    """Zero, less, and what is no number is refused."""
    with pytest.raises(ValueError, match="positive"):
        FastNode2Vec(torch.tensor([[0, 1], [1, 0]]), edge_weight=torch.tensor([1.0, weight]))


def test_long_walks_are_learnt_in_blocks() -> None:
    """Walks of eighty nodes train in blocks of twenty, and repeat to the bit."""
    first, again = (
        FastNode2Vec(EDGES, 16, 80, 10, 3, num_nodes=200, epochs=1).fit(device=CPU, progress=unheard) for _ in range(2)
    )

    assert digest(first) == digest(again)
    assert label_score(torch.from_numpy(first.vectors), GRAPH.block) > 0.8


def test_progress_of_the_reference_counts_epochs() -> None:
    """Torch_geometric's loop tells progress and can be stopped as well."""
    heard: list[tuple[int, int]] = []

    FastNode2Vec(EDGES, 8, num_nodes=200, walks_per_node=1, epochs=2).fit(
        device=CPU, progress=lambda *at: heard.append(at), engine="pyg"
    )

    assert heard[0] == (0, 2)
    assert heard[-1] == (2, 2)
    assert heard == sorted(heard)
