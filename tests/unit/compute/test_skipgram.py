"""The skip-gram step follows the gradient of its loss."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from edge_worker.compute.skipgram import SkipGram, Tables, Window

LENGTH, CONTEXT, NEGATIVES, NOISE, DIM = 5, 3, 4, 6, 8
#: Two walks, and the noise of each.
WALKS = [[0, 1, 0, 3, 4], [5, 6, 5, 6, 2]]
WRONG = [[7, 8, 8, 9, 1, 11], [3, 10, 9, 7, 5, 0]]


def written_out(rows: Tensor, walks: list[list[int]], noise: list[list[int]], centres: range) -> tuple[Tensor, float]:
    """The loss of walks, pair by pair as word2vec defines it, and the weight of its true pairs."""
    loss, weight = rows.new_zeros(()), 0.0
    for walk, wrong_nodes in zip(walks, noise, strict=True):
        for i in centres:
            for j, other in enumerate(walk):
                share = (CONTEXT + 1 - abs(i - j)) / CONTEXT
                if i == j or share <= 0:
                    continue
                weight += share
                loss = loss - share * logsigmoid(rows[walk[i], 0] @ rows[other, 1])
                for wrong in wrong_nodes:
                    loss = loss - share * NEGATIVES / NOISE * logsigmoid(-(rows[walk[i], 0] @ rows[wrong, 1]))
    return loss, weight


def make_model(start: Tensor, *, every: int = 1) -> SkipGram:
    window = Window(length=LENGTH, context=CONTEXT, negatives=NEGATIVES, noise=NOISE, every=every)
    return SkipGram(Tables(start, torch.zeros(len(start), 2, dtype=start.dtype)), window, batch=2)


def drawn(nodes: int, seed: int = 0) -> Tensor:
    return torch.randn((nodes, 2, DIM), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("every", [1, 2, 3])
def test_step_agrees_with_autograd(every: int) -> None:
    """A step moves rows along autograd's gradient of the loss of this turn's centres; each turn has its own."""
    model = make_model(drawn(12), every=every)
    walks, noise = torch.tensor(WALKS), torch.tensor(WRONG)
    # A row is named several times, so what it is scaled by is the sum over its mentions: set it so high that they
    # do not count, and the step is the gradient itself.
    model.tables.moved[: 2 * 12].fill_(1e12)

    for turn in range(every):
        before = model.tables.pairs().clone().requires_grad_()
        loss, _ = written_out(before, WALKS, WRONG, range(turn, LENGTH, every))
        loss.backward()
        model.step(walks, noise, 1e6)
        assert before.grad is not None
        torch.testing.assert_close(model.tables.pairs(), before.detach() - before.grad, rtol=1e-9, atol=1e-9)


def test_a_row_is_slowed_by_how_far_it_has_moved() -> None:
    """A row moves by the rate times its gradient, scaled to a mean square of one; the distance is kept."""
    tables = Tables(torch.zeros((2, 2, 4)), torch.zeros(2, 2))

    tables.climb(torch.tensor([3]), torch.tensor([[3.0, 0, 4.0, 0]]), 0.5, torch.empty(1))

    torch.testing.assert_close(tables.pairs()[1, 1], torch.tensor([3.0, 0, 4.0, 0]) * 0.5 / 2.5)
    assert tables.distances().tolist() == [[0, 0], [0, 6.25]]


def test_a_row_that_is_named_twice_moves_by_both_gradients() -> None:
    """Gradients of one row add up, and so do the squares that slow it down."""
    tables = Tables(torch.zeros((1, 2, 4)), torch.zeros(1, 2))

    tables.climb(torch.tensor([1, 1]), torch.tensor([[3.0, 0, 0, 0], [0, 4.0, 0, 0]]), 1.0, torch.empty(2))

    torch.testing.assert_close(tables.pairs()[0], torch.tensor([[0, 0, 0, 0], [1.2, 1.6, 0, 0]]))


def test_a_row_that_has_moved_infinitely_far_stays() -> None:
    """What is frozen is the same to the bit after a step, while other rows move."""
    start = drawn(12).float()
    window = Window(length=LENGTH, context=CONTEXT, negatives=NEGATIVES, noise=NOISE)
    distances = torch.zeros(12, 2)
    distances[:6] = math.inf
    model = SkipGram(Tables(start, distances), window, batch=2)

    model.step(torch.tensor(WALKS), torch.tensor(WRONG), 0.1)

    assert torch.equal(model.tables.pairs()[:6], start[:6])
    assert not torch.equal(model.tables.pairs()[6], start[6])


def test_what_is_nowhere_moves_nobody() -> None:
    """The end of a walk that ended early changes no row, and its own rows stay zero."""
    start, nowhere = drawn(12), 12
    model, other = make_model(start), make_model(start)
    ended = torch.tensor([[0, 1, nowhere, nowhere, nowhere], [2, 3, 4, 2, 3]])
    all_nowhere = torch.tensor([[nowhere] * LENGTH, [nowhere] * LENGTH])

    model.step(ended, torch.tensor([[nowhere] * NOISE] * 2), 0.1)
    other.step(all_nowhere, torch.tensor(WRONG), 0.1)

    assert not torch.equal(model.tables.pairs()[:2], start[:2])
    assert torch.equal(model.tables.pairs()[5:], start[5:])
    assert not model.tables.rows[2 * nowhere :].any()
    assert torch.equal(other.tables.pairs(), start)


def test_loss_is_the_mean_over_true_pairs() -> None:
    """The loss of a batch is word2vec's, divided by the weight of its true pairs; nodes may repeat."""
    model = make_model(drawn(12, seed=1))

    loss, weight = written_out(model.tables.pairs(), WALKS, WRONG, range(LENGTH))
    found = model.loss(torch.tensor(WALKS), torch.tensor(WRONG))

    assert found == pytest.approx(float(loss) / weight, rel=1e-9)


def test_steps_lower_the_loss() -> None:
    """Going over the same batch again and again fits it."""
    model = make_model(drawn(12, seed=2))
    walks, noise = torch.tensor([[0, 1, 2, 3, 4]] * 2), torch.tensor([[6, 7, 8, 9, 10, 11]] * 2)
    before = model.loss(walks, noise)

    for _ in range(50):
        model.step(walks, noise, 0.05)

    assert model.loss(walks, noise) < before / 4
