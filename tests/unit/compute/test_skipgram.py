"""The skip-gram step follows the gradient of its loss."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from edge_worker.compute.skipgram import SkipGram, Table, pairs

LENGTH, CONTEXT, NEGATIVES, NOISE, DIM = 5, 3, 4, 6, 8


def written_out(nodes: Tensor, contexts: Tensor, walk: list[int], noise: list[int]) -> tuple[Tensor, float]:
    """The loss of one walk, pair by pair as word2vec defines it, and the weight of its true pairs."""
    loss, weight = nodes.new_zeros(()), 0.0
    for i, node in enumerate(walk):
        for j, other in enumerate(walk):
            share = (CONTEXT + 1 - abs(i - j)) / CONTEXT
            if i == j or share <= 0:
                continue
            weight += share
            loss = loss - share * logsigmoid(nodes[node] @ contexts[other])
            for wrong in noise:
                loss = loss - share * NEGATIVES / NOISE * logsigmoid(-(nodes[node] @ contexts[wrong]))
    return loss, weight


def make_model(start: Tensor) -> SkipGram:
    weights = pairs(walk_length=LENGTH, context=CONTEXT, negatives=NEGATIVES, noise=NOISE, device=torch.device("cpu"))
    return SkipGram(start, weights, batch=4)


def test_step_agrees_with_autograd() -> None:
    """One step moves every row by the rate along autograd's gradient, scaled to a mean square of one."""
    generator = torch.Generator().manual_seed(0)
    model = make_model(torch.randn((12, DIM), generator=generator))
    model.contexts.rows.copy_(torch.randn((12, DIM), generator=generator))
    nodes, contexts = (table.rows.clone().requires_grad_() for table in (model.nodes, model.contexts))
    walk, noise = [0, 1, 2, 3, 4], [6, 7, 8, 9, 10, 11]

    loss, _ = written_out(nodes, contexts, walk, noise)
    loss.backward()
    model.step(torch.tensor([walk]), torch.tensor([noise]), 0.1)

    for before, after in ((nodes, model.nodes.rows), (contexts, model.contexts.rows)):
        assert before.grad is not None
        downhill = -before.grad / (before.grad.square().mean(1, keepdim=True) + 1e-10).sqrt()
        torch.testing.assert_close(after, before.detach() + 0.1 * downhill, rtol=1e-4, atol=1e-6)


def test_loss_is_the_mean_over_true_pairs() -> None:
    """The loss of a batch is word2vec's, divided by the weight of its true pairs; nodes may repeat."""
    generator = torch.Generator().manual_seed(1)
    model = make_model(torch.randn((7, DIM), generator=generator))
    model.contexts.rows.copy_(torch.randn((7, DIM), generator=generator))
    walks, noise = [[0, 1, 0, 3, 4], [5, 6, 5, 6, 5]], [[1, 1, 2, 3, 5, 6], [0, 1, 2, 3, 4, 4]]

    parts = [written_out(model.nodes.rows, model.contexts.rows, *one) for one in zip(walks, noise, strict=True)]
    found = model.loss(torch.tensor(walks), torch.tensor(noise))

    assert abs(found - float(sum(loss for loss, _ in parts)) / sum(weight for _, weight in parts)) < 1e-5


def test_a_node_that_appears_twice_moves_by_both_gradients() -> None:
    """Gradients of one row add up, and so do the squares that slow it down."""
    table = Table(torch.zeros((2, 4)))

    table.climb(torch.tensor([1, 1]), torch.tensor([[3.0, 0, 0, 0], [0, 4.0, 0, 0]]), 1.0)

    torch.testing.assert_close(table.rows, torch.tensor([[0, 0, 0, 0], [1.2, 1.6, 0, 0]]))


def test_steps_lower_the_loss() -> None:
    """Going over the same batch again and again fits it."""
    model = make_model(torch.randn((12, DIM), generator=torch.Generator().manual_seed(2)))
    walks, noise = torch.tensor([[0, 1, 2, 3, 4]]), torch.tensor([[6, 7, 8, 9, 10, 11]])
    before = model.loss(walks, noise)

    for _ in range(50):
        model.step(walks, noise, 0.05)

    assert model.loss(walks, noise) < before / 4
