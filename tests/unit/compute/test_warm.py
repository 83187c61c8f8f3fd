"""After a push: what was touched moves, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from compute_graphs import CPU, Communities, communities, digest, out_of_memory, unheard
from numpy.typing import NDArray
from test_node2vec import label_score

from edge_worker.compute.data import graph_data
from edge_worker.compute.embedding import Embedding
from edge_worker.compute.node2vec import fit
from edge_worker.compute.skipgram import SkipGram
from edge_worker.compute.state import State, pack, unpack
from edge_worker.compute.trainer import Parameters, Progress, Step
from edge_worker.compute.warm import MOST_DRIFT, update
from shared.errors import Cancelled, Permanent

PARAMETERS = Parameters(epochs=3)
GRAPH: Communities = communities(500, 5, mixing=0.1)
#: Files that the push adds, by their numbers in the new graph; the last has no import.
NEW = (40, 41, 250, 499)
#: Files whose imports the push changes besides.
OLD = np.array([-1 if number in NEW else number - sum(new < number for new in NEW) for number in range(500)])
EDGES = [edge for edge in GRAPH.edges if 499 not in edge]


def before() -> Embedding:
    """The fit of the graph without the new files and with five edges that the push takes away."""
    edges = [(int(OLD[one]), int(OLD[other])) for one, other in EDGES if OLD[one] >= 0 and OLD[other] >= 0]
    data = graph_data(496, [*edges, *((number, number + 60) for number in range(0, 50, 10))])
    return fit(data, PARAMETERS, device=CPU, progress=unheard)


BEFORE = before()
assert BEFORE.state is not None
STATE: State = BEFORE.state


def push(
    state: State = STATE,
    edges: list[tuple[int, int]] = EDGES,
    old: NDArray[np.int64] = OLD,
    *,
    progress: Progress = unheard,
    step: Step = SkipGram.step,
) -> Embedding:
    found = update(state, graph_data(len(old), edges), old, PARAMETERS, device=CPU, progress=progress, step=step)
    assert found is not None
    return found


AFTER = push()


def test_what_was_not_touched_keeps_its_vector() -> None:
    """Every vector that is not said to have moved is the old one, to the bit; most are such."""
    stayed = ~AFTER.moved

    assert stayed.mean() > 0.8
    assert np.array_equal(AFTER.vectors[stayed], BEFORE.vectors[OLD[stayed]])


def test_exactly_the_ends_of_changed_edges_move() -> None:
    """Moved are the new files, and the ends of every edge that came or went."""
    was = {frozenset((int(one), int(other))) for one, other in STATE.edges}
    number = {int(old): new for new, old in enumerate(OLD) if old >= 0}
    was_now = {frozenset(number[node] for node in edge) for edge in was}
    now = {frozenset(edge) for edge in EDGES if edge[0] != edge[1]}

    changed = {node for edge in was_now ^ now for node in edge} | set(NEW)

    assert set(np.flatnonzero(AFTER.moved).tolist()) == changed


def test_new_files_find_their_place() -> None:
    """The whole graph's blocks are told apart as well as after a fit from nothing, and new files lie in theirs."""
    whole = fit(graph_data(500, EDGES), PARAMETERS, device=CPU, progress=unheard)

    scores = [label_score(torch.from_numpy(found.vectors), GRAPH.block) for found in (whole, AFTER)]
    assert scores[1] > scores[0] - 0.02
    old = ~AFTER.moved
    for new in NEW[:3]:
        likeness = AFTER.vectors[old] @ AFTER.vectors[new]
        same = GRAPH.block.numpy()[old] == int(GRAPH.block[new])
        assert likeness[same].mean() > likeness[~same].mean() + 0.15


def test_a_new_file_without_imports_is_isolated() -> None:
    """It gets a vector of length 1 of its own, and is flagged."""
    assert AFTER.isolated[499]
    assert AFTER.moved[499]
    assert np.linalg.norm(AFTER.vectors[499]) == pytest.approx(1, abs=1e-5)
    assert np.abs(AFTER.vectors[:499] @ AFTER.vectors[499]).max() < 0.9


def test_a_push_without_a_change_moves_nothing() -> None:
    """The same graph again, in another order of its files, keeps every vector and takes no walk."""
    order = np.random.default_rng(0).permutation(500)
    place = np.argsort(order)
    assert AFTER.state is not None

    again = push(AFTER.state, [(int(place[one]), int(place[other])) for one, other in EDGES], order)

    assert not again.moved.any()
    assert np.array_equal(again.vectors, AFTER.vectors[order])
    assert again.stats.walks == 0


def test_a_file_that_loses_its_last_import_becomes_isolated() -> None:
    """It is flagged and has moved, as has the other end; when the import comes back, it has a place again."""
    leaf = next(node for node in range(499) if sum(node in edge for edge in EDGES) == 1 and OLD[node] >= 0)
    assert AFTER.state is not None

    without = push(AFTER.state, [edge for edge in EDGES if leaf not in edge], np.arange(500))
    assert without.state is not None
    back = push(without.state, EDGES, np.arange(500))

    assert without.isolated[leaf]
    assert without.moved[leaf]
    assert without.moved.sum() == 2
    assert not back.isolated[leaf]
    assert back.moved.sum() == 2


def test_an_update_repeats_itself_and_survives_storage() -> None:
    """The same push on the same state, kept as bytes in between, gives the same bits."""
    kept = unpack(pack(STATE, [str(number) for number in range(496)]), PARAMETERS)
    assert kept is not None

    assert digest(push(kept[0])) == digest(AFTER)


def test_too_much_change_asks_for_a_fit() -> None:
    """A push of many edges, one more after very many, and a state of other parameters come to nothing."""
    data = graph_data(500, EDGES)
    drifted = replace(STATE, drift=MOST_DRIFT)
    few = graph_data(500, EDGES[: len(EDGES) // 2])

    for state, graph, parameters in (
        (STATE, few, PARAMETERS),
        (drifted, data, PARAMETERS),
        (STATE, data, replace(PARAMETERS, epochs=4)),
    ):
        assert update(state, graph, OLD, parameters, device=CPU, progress=unheard) is None


@pytest.mark.parametrize("old", [OLD[:-1], np.where(OLD == 3, 496, OLD), np.where(OLD == 3, 4, OLD)])
def test_rows_that_are_not_of_this_state_are_refused(old: NDArray[np.int64]) -> None:
    """Too few rows, one that is not there, and one named twice raise."""
    with pytest.raises(ValueError, match="row"):
        update(STATE, graph_data(500, EDGES), old, PARAMETERS, device=CPU, progress=unheard)


def test_an_update_can_be_cancelled() -> None:
    """What progress raises comes out unchanged."""

    def stop(done: int, total: int) -> None:
        raise Cancelled("cancel_requested", "Cancelled on request.")

    with pytest.raises(Cancelled):
        push(progress=stop)


def test_an_update_climbs_down_when_memory_runs_out() -> None:
    """Out of memory once, it goes on with half the batch, from the same state; for good, it fails the job."""
    halved = push(step=out_of_memory(1))

    assert halved.stats.batch == AFTER.stats.batch // 2 or halved.stats.batch == AFTER.stats.batch
    with pytest.raises(Permanent):
        push(step=out_of_memory(100))


def test_weights_and_directions_leave_no_state() -> None:
    """Only plain graphs can be gone on from."""
    data = graph_data(3, [(0, 1), (1, 2)])
    data.edge_attr = torch.tensor([1.0, 2.0, 1.0, 2.0])

    assert fit(data, PARAMETERS, device=CPU, progress=unheard).state is None


def test_a_push_that_leaves_no_edge_asks_for_a_fit() -> None:
    """Of one import nothing is left, and no other came: there is nothing to go on from."""
    state = fit(graph_data(3, [(0, 1)]), PARAMETERS, device=CPU, progress=unheard).state
    assert state is not None

    assert update(state, graph_data(2, []), np.array([1, 2]), PARAMETERS, device=CPU, progress=unheard) is None
    assert update(state, graph_data(3, []), np.array([1, 2, -1]), PARAMETERS, device=CPU, progress=unheard) is None
