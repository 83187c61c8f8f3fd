"""Node2Vec on whole graphs: it learns, and it repeats itself."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from compute_graphs import CUDA, QUICK, Communities, communities, digest, embed
from torch import Tensor

from edge_worker.compute.skipgram import SkipGram
from edge_worker.compute.trainer import Parameters


def label_score(vectors: Tensor, labels: Tensor) -> float:
    """The micro-F1 of a ridge classifier (one against the rest) trained on every other node, on the rest of them."""
    features = torch.cat([vectors, torch.ones(len(vectors), 1)], 1)
    wanted = torch.nn.functional.one_hot(labels).float() * 2 - 1
    train, test = features[::2], features[1::2]
    weights = torch.linalg.solve(train.t() @ train + 0.1 * torch.eye(train.shape[1]), train.t() @ wanted[::2])
    return float(((test @ weights).argmax(1) == labels[1::2]).float().mean())


def ranking_score(vectors: Tensor, true: Tensor, false: Tensor) -> float:
    """The AUC of the cosine: how often a true pair is above a false one."""
    above, below = ((vectors[pairs[:, 0]] * vectors[pairs[:, 1]]).sum(1) for pairs in (true, false))
    return float((above.unsqueeze(1) > below).float().mean())


def scores(graph: Communities, parameters: Parameters) -> tuple[float, float]:
    """How well the blocks are found, and how far edges that training never saw rank above pairs of the same ends."""
    held, kept = graph.edges[::10], [edge for place, edge in enumerate(graph.edges) if place % 10]
    known = {frozenset(edge) for edge in graph.edges}
    embedding = embed(graph.num_nodes, kept, parameters)
    usable = [pair for pair in held if not embedding.isolated[list(pair)].any() and pair[0] != pair[1]]
    ends = [(one, other) for one, _ in usable for _, other in usable[::7]]
    false = [pair for pair in ends if frozenset(pair) not in known and pair[0] != pair[1]]
    vectors = torch.from_numpy(embedding.vectors)
    return label_score(vectors, graph.block), ranking_score(vectors, torch.tensor(usable), torch.tensor(false))


def test_learns_communities() -> None:
    """Files of one block are near each other, far from others, and a classifier finds the block from the vector."""
    graph = communities(mixing=0.1)

    embedding = embed(graph.num_nodes, graph.edges, Parameters())

    vectors = torch.from_numpy(embedding.vectors)[~torch.from_numpy(embedding.isolated)]
    block = graph.block[~torch.from_numpy(embedding.isolated)]
    cosine, same = vectors @ vectors.t(), block.unsqueeze(1) == block
    apart = ~torch.eye(len(block), dtype=torch.bool)
    assert cosine[same & apart].mean() > cosine[~same].mean() + 0.25
    assert label_score(vectors, block) > 0.9


def test_ranks_held_out_edges_above_pairs_of_the_same_degrees() -> None:
    """Edges that training never saw score above pairs joined at random from the same ends, well above chance."""
    graph = communities(600, 6)

    labels, links = scores(graph, Parameters())

    assert links > 0.7
    assert labels > 0.75
    assert label_score(torch.randn(600, 64, generator=torch.Generator().manual_seed(0)), graph.block) < 0.3


@pytest.mark.parametrize(("p", "q"), [(1.0, 1.0), (0.5, 2.0)])
def test_same_seed_same_bits_in_any_edge_order(p: float, q: float) -> None:
    """On the CPU the vectors are equal to the bit across runs, edge orders and directions, and differ by seed."""
    graph, shuffled = communities(120, 3), random.Random(5)
    edges = [edge if shuffled.random() < 0.5 else edge[::-1] for edge in graph.edges]
    shuffled.shuffle(edges)

    first = digest(embed(120, graph.edges, Parameters(epochs=2, p=p, q=q)))
    again = digest(embed(120, graph.edges, Parameters(epochs=2, p=p, q=q)))
    reordered = digest(embed(120, edges, Parameters(epochs=2, p=p, q=q)))
    other_seed = digest(embed(120, graph.edges, Parameters(epochs=2, p=p, q=q, seed=1)))

    assert first == again == reordered
    assert first != other_seed


def test_the_process_number_of_threads_changes_nothing() -> None:
    """A fit uses one thread whatever the process has, gives the same bits, and leaves the number as it was."""
    graph, before, inside = communities(120, 3), torch.get_num_threads(), set()

    def step(model: SkipGram, walks: Tensor, noise: Tensor, rate: float) -> None:
        inside.add(torch.get_num_threads())
        model.step(walks, noise, rate)

    found = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append((digest(embed(120, graph.edges, step=step)), torch.get_num_threads()))
    finally:
        torch.set_num_threads(before)

    assert inside == {1}
    assert [threads for _, threads in found] == [1, 2]
    assert found[0][0] == found[1][0]


def test_the_rate_falls_in_a_straight_line() -> None:
    """Steps slow down evenly from the given rate to nearly nothing, over all epochs together."""
    rates: list[float] = []

    def step(model: SkipGram, walks: Tensor, noise: Tensor, rate: float) -> None:
        rates.append(rate)
        model.step(walks, noise, rate)

    embed(120, communities(120, 3).edges, Parameters(epochs=3, rate=0.05), step=step)

    falls = -np.diff(rates)
    assert rates[0] == 0.05
    assert 0 < rates[-1] < 0.05 * 0.05
    np.testing.assert_allclose(falls, falls[0])


def test_other_draws_of_the_process_change_nothing() -> None:
    """A fit neither reads nor moves torch's global random state."""
    torch.manual_seed(1)
    first = digest(embed(30, [(node, node + 1) for node in range(20)]))
    after_fit = torch.rand(1)
    torch.manual_seed(1)
    without_fit = torch.rand(1)

    second = digest(embed(30, [(node, node + 1) for node in range(20)]))

    assert first == second
    assert torch.equal(after_fit, without_fit)


def test_isolated_files_are_flagged_and_take_no_walk() -> None:
    """Files without edges get a vector of length 1 each, cost no walk, and do not change the vectors of the others."""
    edges = [(0, 1), (1, 2), (2, 0), (2, 4)]

    embedding = embed(6, edges)
    without = embed(4, [(0, 1), (1, 2), (2, 0), (2, 3)])

    assert embedding.isolated.tolist() == [False, False, False, True, False, True]
    assert embedding.stats.walks == 4 * QUICK.walks_per_node * QUICK.epochs
    np.testing.assert_allclose(np.linalg.norm(embedding.vectors, axis=1), 1.0, atol=1e-5)
    assert np.array_equal(embedding.vectors[~embedding.isolated], without.vectors)
    assert abs(float(embedding.vectors[3] @ embedding.vectors[5])) < 0.9


@pytest.mark.parametrize("num_nodes", [0, 1, 3])
def test_a_graph_without_edges_is_all_isolated(num_nodes: int) -> None:
    """With nothing to train on, vectors come back anyway, progress is complete, and the figures say so."""
    heard = []

    embedding = embed(num_nodes, [], progress=lambda *at: heard.append(at))

    assert embedding.vectors.shape == (num_nodes, 64)
    assert embedding.vectors.dtype == np.float32
    assert embedding.isolated.all()
    assert embedding.stats.walks == 0
    assert embedding.stats.loss is None
    assert heard[-1] == (2, 2)


def test_two_files_that_import_each_other() -> None:
    """The smallest graph there is trains, to two vectors of length 1."""
    embedding = embed(2, [(0, 1)], Parameters())

    assert not embedding.isolated.any()
    assert embedding.stats.walks == 200
    np.testing.assert_allclose(np.linalg.norm(embedding.vectors, axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("size", [3, 4, 6])
def test_a_handful_of_files_fall_into_their_groups(size: int) -> None:
    """In two groups of a few files that all import each other, joined by one import, own files are nearer."""
    one = [(a, b) for a in range(size) for b in range(a)]
    edges = [*one, *((a + size, b + size) for a, b in one), (0, size)]

    vectors = embed(2 * size, edges, Parameters()).vectors

    cosine = vectors @ vectors.T
    within = np.concatenate(
        [cosine[:size, :size][~np.eye(size, dtype=bool)], cosine[size:, size:][~np.eye(size, dtype=bool)]]
    )
    assert within.mean() > cosine[:size, size:].mean() + 0.25


@pytest.mark.parametrize("dim", [8, 64])
def test_graphs_of_low_rank_train(dim: int) -> None:
    """A star and many separate pairs, whose spectra are degenerate, give finite vectors with partners near."""
    star = [(0, leaf) for leaf in range(1, 40)]
    pairs = [(node, node + 1) for node in range(40, 240, 2)]

    vectors = embed(240, star + pairs, Parameters(dim=dim)).vectors

    assert np.isfinite(vectors).all()
    partners = (vectors[40::2] * vectors[41::2]).sum(1)
    strangers = (vectors[40:-2:2] * vectors[43::2]).sum(1)
    assert partners.mean() > strangers.mean() + 0.3


def test_figures_are_those_of_the_run() -> None:
    """Walks are ten a connected node an epoch; device, batch and loss are told."""
    graph = communities(120, 3)

    stats = embed(120, graph.edges, Parameters(epochs=3)).stats

    connected = len({node for one, other in graph.edges if one != other for node in (one, other)})
    assert stats.walks == connected * 30
    assert stats.device == "cpu"
    assert stats.batch == 64
    assert stats.loss is not None
    assert 0 < stats.loss < 6 * np.log(2)
    assert stats.walks_per_second == pytest.approx(stats.walks / stats.seconds, rel=0.01)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_gpu_learns_the_same_communities() -> None:
    """On a GPU the vectors tell the blocks apart as well as on the CPU."""
    graph = communities()

    embedding = embed(graph.num_nodes, graph.edges, Parameters(), device=CUDA)

    assert embedding.stats.device == "cuda"
    assert label_score(torch.from_numpy(embedding.vectors), graph.block) > 0.75
