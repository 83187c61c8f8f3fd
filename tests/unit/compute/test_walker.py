"""The walkers keep node2vec's law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import networkx
import pytest
import torch
from torch import Tensor

from edge_worker.compute.device import one_thread
from edge_worker.compute.graph import Adjacency, adjacency
from edge_worker.compute.mixture import MixtureWalker
from edge_worker.compute.rejection import RejectionWalker
from edge_worker.compute.triangles import triangles
from edge_worker.compute.walker import UniformWalker, Walker
from edge_worker.compute.walkers import walker_for

#: Each a law of which most proposals are refused.
FAR_PQ = [(50, 50), (1, 0.05), (60, 8)]
PQ = [(1, 1), (0.5, 2), (2, 0.5), (0.25, 4), (4, 0.25), (4, 1), (0.25, 1), (1, 0.25), (4, 4), (0.25, 0.25)]


@dataclass(frozen=True, kw_only=True)
class Known:
    """A graph, what each of its edges weighs (zero: there is none), and how many steps are taken on it."""

    graph: Adjacency
    weight: Tensor
    steps: int


def known(name: str) -> Known:
    """Return one of the graphs that the law is tested on."""
    if name.startswith("random"):
        made = networkx.gnp_random_graph(30, 0.25, seed=4, directed=True)
    else:
        made = networkx.karate_club_graph() if name.startswith("karate") else networkx.les_miserables_graph()
    if name.endswith("loops"):
        made.add_edges_from((node, node) for node in list(made)[::3])
    order = {node: number for number, node in enumerate(made)}
    weighted = name.endswith("weighted")
    generator = torch.Generator().manual_seed(9)
    weight = torch.zeros(len(order), len(order), dtype=torch.float64)
    for one, other, data in made.edges(data=True):
        heavy = float(data.get("weight", 0.25 + 4 * torch.rand((), generator=generator))) if weighted else 1.0
        weight[order[one], order[other]] = heavy
        if not made.is_directed():
            weight[order[other], order[one]] = heavy
    index = weight.nonzero().t()
    graph = adjacency(index, len(order), weight[index[0], index[1]] if weighted else None)
    return Known(graph=graph, weight=weight, steps=200_000 if name.startswith("lesmis") else 100_000)


def law(weight: Tensor, p: float, q: float) -> Tensor:
    """The probability of x after (t, v), written down from the paper; rows that cannot occur are zero."""
    size, joined = len(weight), weight > 0
    alpha = torch.where(joined.unsqueeze(1), 1.0, 1.0 / q).double().repeat(1, size, 1)
    alpha[torch.arange(size), :, torch.arange(size)] = 1.0 / p
    unscaled = alpha * weight.unsqueeze(0) * joined.unsqueeze(2)
    return unscaled / unscaled.sum(2, keepdim=True).clamp(min=1e-300)


@one_thread()
def p_value(walker: Walker, one: Known, expected_law: Tensor) -> float:
    """The chi-square test of second-order steps against a law; 0 for a step that the law forbids.

    It looks at the pairs (t, v) after which every step that may follow is expected five times at least.
    """
    size = len(one.weight)
    starts = torch.arange(size).repeat(one.steps // 8 // size)
    triples = walker.walk(starts, 10, torch.Generator().manual_seed(3)).unfold(1, 3, 1).reshape(-1, 3)
    code = (triples[:, 0] * size + triples[:, 1]) * size + triples[:, 2]
    seen = torch.bincount(code, minlength=size**3).reshape(size, size, size).double()
    if seen[expected_law == 0].any():
        return 0.0
    expected = expected_law * seen.sum(2, keepdim=True)
    may = expected_law > 0
    full = ((expected >= 5) | ~may).all(2) & may.any(2)
    assert full.sum() > 50
    statistic = ((seen - expected).square() / expected.clamp(min=1e-300))[full].sum()
    freedom = (may[full].sum(1) - 1).sum()
    return float(torch.special.gammaincc(freedom.double() / 2, statistic / 2))


def made_by(sampler: str, graph: Adjacency, p: float, q: float) -> Walker:
    if sampler == "chosen":
        return walker_for(graph, p=p, q=q)
    if sampler == "rejection":
        return RejectionWalker(graph, p=p, q=q)
    if sampler == "uniform":
        return UniformWalker(graph)
    shared = triangles(graph)
    assert shared is not None
    return MixtureWalker(graph, shared, p=p, q=q)


CASES = [
    *(("mixture", name, pq) for name in ("karate", "lesmis") for pq in PQ),
    *(
        ("rejection", name, pq)
        for name in ("karate", "lesmis", "lesmis-weighted", "random", "random-weighted")
        for pq in PQ
    ),
    *(("chosen", "karate-loops", pq) for pq in PQ),
    # So that many steps are refused to the end, and drawn from their rows.
    *(("rejection", name, pq) for name in ("karate", "lesmis-weighted", "random-weighted") for pq in FAR_PQ),
    *(("uniform", name, (1, 1)) for name in ("karate", "lesmis", "random")),
]


@pytest.mark.parametrize(("sampler", "name", "pq"), CASES, ids=lambda value: str(value).replace(" ", ""))
def test_every_step_is_as_likely_as_the_paper_says(sampler: str, name: str, pq: tuple[float, float]) -> None:
    """Each sampler takes each step after each (t, v) as often as alpha_pq says, and none that it forbids."""
    one = known(name)

    found = p_value(made_by(sampler, one.graph, *pq), one, law(one.weight, *pq))

    assert found > 0.001


@pytest.mark.parametrize("sampler", ["mixture", "rejection"])
def test_the_test_tells_laws_apart(sampler: str) -> None:
    """The test refuses a uniform walk for p = 0.5, q = 2, and a walk with the two exchanged as well."""
    one = known("karate")
    wanted = law(one.weight, 0.5, 2.0)

    assert p_value(UniformWalker(one.graph), one, wanted) < 1e-9
    assert p_value(made_by(sampler, one.graph, 2.0, 0.5), one, wanted) < 1e-9


def test_the_cheapest_walker_that_keeps_the_law_is_taken() -> None:
    """Plain graphs get the uniform or the mixture walk, graphs with weights or directions the one with refusals."""
    plain, weighted, directed, looped = (
        known(name).graph for name in ("karate", "lesmis-weighted", "random", "karate-loops")
    )

    assert isinstance(walker_for(plain, p=1, q=1), UniformWalker)
    assert isinstance(walker_for(directed, p=1, q=1), UniformWalker)
    assert isinstance(walker_for(plain, p=0.5, q=2), MixtureWalker)
    assert isinstance(walker_for(weighted, p=1, q=1), RejectionWalker)
    assert isinstance(walker_for(directed, p=0.5, q=2), RejectionWalker)
    assert isinstance(walker_for(looped, p=0.5, q=2), RejectionWalker)
    # A node that is alone has itself for its one neighbour, which is no loop that a walk could choose.
    assert isinstance(walker_for(adjacency(torch.tensor([[0, 1], [1, 0]]), 3), p=0.5, q=2), MixtureWalker)


def test_a_step_ends_whatever_p_and_q_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where hardly a proposal passes, a step costs some dozens of refusals at most, and the seed decides it."""
    ring = torch.arange(500)
    index = torch.stack([torch.cat([ring, ring.roll(1)]), torch.cat([ring.roll(1), ring])])
    walker = RejectionWalker(adjacency(index, 500, torch.full((1000,), 0.5)), p=1e9, q=1e9)
    tries, propose = [0], walker._propose

    def counted(*arguments: Any) -> tuple[Tensor, Tensor]:
        tries[0] += 1
        assert tries[0] <= 2 * 18 * 32
        return propose(*arguments)

    monkeypatch.setattr(walker, "_propose", counted)
    monkeypatch.setattr("edge_worker.compute.rejection._PIECE", 64)

    with one_thread():
        first, again = (walker.walk(ring, 20, torch.Generator().manual_seed(1)) for _ in range(2))

    assert tries[0] > 0
    assert torch.equal(first, again)
    assert set(((first[:, 1:] - first[:, :-1]) % 500).flatten().tolist()) == {1, 499}
    turns = (first[:, 2:] == first[:, :-2]).double().mean()
    assert turns == pytest.approx(0.5, abs=0.03)


def test_too_many_triangles_are_not_listed() -> None:
    """A list that would be longer than allowed is given up, and one that just fits is not."""
    complete = adjacency((~torch.eye(12, dtype=torch.bool)).nonzero().t(), 12)

    # 220 triangles, each from six sides.
    assert triangles(complete, most=1319) is None
    found = triangles(complete, most=1320)
    assert found is not None
    assert found.following.numel() == 1320
    assert (found.first.diff() == 10).all()


@pytest.mark.parametrize("sampler", ["uniform", "mixture", "rejection"])
def test_walks_start_where_told_and_repeat_with_the_seed(sampler: str) -> None:
    """Walks are int64, one a start with the start first, and the same seed walks the same way."""
    walker, starts = made_by(sampler, known("karate").graph, 0.5, 2), torch.tensor([14, 0, 5, 5])

    first, again, other = (walker.walk(starts, 12, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))

    assert first.shape == (4, 12)
    assert first.dtype == torch.int64
    assert first[:, 0].tolist() == starts.tolist()
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("sampler", ["uniform", "mixture", "rejection"])
@pytest.mark.parametrize("length", [1, 2])
def test_short_walks(sampler: str, length: int) -> None:
    """A walk may be a single node or a single step."""
    one = known("karate")

    walks = made_by(sampler, one.graph, 0.5, 2).walk(torch.arange(34), length, torch.Generator().manual_seed(0))

    assert walks.shape == (34, length)
    assert length == 1 or (one.weight[walks[:, 0], walks[:, 1]] > 0).all()


def test_a_walk_stays_where_nothing_leads_out() -> None:
    """At the end of a one-way street a walk stands still."""
    street = adjacency(torch.tensor([[0, 1], [1, 2]]), 3)

    for sampler in ("uniform", "rejection"):
        walks = made_by(sampler, street, 0.5, 2).walk(torch.tensor([0, 2]), 5, torch.Generator().manual_seed(0))
        assert walks.tolist() == [[0, 1, 2, 2, 2], [2, 2, 2, 2, 2]]
