"""Warm: after a push, the vectors of what it touched, and of nothing else.

Training goes on from the tables that the last one left. Walks start at the nodes whose edges changed; only the rows of
those nodes move, so every other node keeps its vector, to the bit. New nodes are placed among the old ones first.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch_geometric.data import Data

from edge_worker.compute.device import one_thread
from edge_worker.compute.embedding import Embedding, FitStats, random_vectors, read_vectors
from edge_worker.compute.fitting import Connected, edges_once, of_all
from edge_worker.compute.graph import Adjacency
from edge_worker.compute.ladder import climb_down, failure, guarded
from edge_worker.compute.skipgram import SkipGram, Tables
from edge_worker.compute.state import State
from edge_worker.compute.trainer import Parameters, Progress, Step, Warm

#: Above this share of changed edges a whole fit is as cheap, for what it gives.
MOST_CHANGED = 0.05
#: When so many nodes, counted each time, were moved one by one, it is time to fit all of them together again.
MOST_DRIFT = 0.5
#: Walks from each node that is not new: it knows its place but for what changed. A new one has as many as in a fit.
_WALKS = 2
#: New rows count as having moved so far, by the mean of the old ones: they have yet to find their place.
_FRESH = 0.1
_RIDGE = 1e-3
_NOISE = 1e-3


def update(
    state: State,
    data: Data,
    old_rows: NDArray[np.int64],
    parameters: Parameters,
    *,
    device: torch.device,
    progress: Progress,
    step: Step = SkipGram.step,
) -> Embedding | None:
    """Return the embedding of a graph that was embedded before and has changed a little since.

    ``old_rows`` has, for each node of ``data``, its row in ``state``, or -1 for a new one. A vector that has not
    ``moved`` is that of the state, to the bit. None where too much has changed, in this push or in those since the last
    whole fit, or the state is of other parameters: then fit. Progress, device and raises as of ``embed``.

    Raises:
        ValueError: ``old_rows`` is not about this graph and this state.
    """
    began = time.perf_counter()
    _check(state, data, old_rows)
    if state.parameters != parameters or not len(state.edges):
        return None
    with one_thread(), torch.inference_mode(), guarded():
        whole = Connected.of(data.edge_index, int(data.num_nodes))
        change = _Change.of(state, whole, torch.from_numpy(old_rows), parameters.walks_per_node)
        drift = state.drift + change.share_of_nodes
        if change.share_of_edges > MOST_CHANGED or drift > MOST_DRIFT:
            return None
        few = _once(state)
        rows, distances = _carried(state, whole, change, few)
        trained, used = None, device
        if bool(change.touched.any()):
            frozen = distances.masked_fill(~change.touched[whole.member].unsqueeze(1), math.inf)
            warm = Warm(tables=Tables(rows, frozen), starts=change.starts)
            trained, used = climb_down(whole.graph, few, device=device, progress=progress, step=step, warm=warm)
            rows = trained.tables.pairs().cpu()
            distances = torch.where(frozen.isinf(), distances, trained.tables.distances().cpu())
        else:
            progress(1, 1)
        vectors = _vectors(state, whole, change, rows, few)
        if not bool(vectors.isfinite().all()):
            raise failure("the vectors grew without bound")
        following = _next(state, whole, change, rows=rows, distances=distances, vectors=vectors, drift=drift)
    return Embedding(
        vectors=vectors.numpy(),
        isolated=(~whole.member).numpy(),
        moved=change.moved.numpy(),
        state=following,
        stats=FitStats.of(change.starts.numel(), began=began, device=used, trained=trained, warm=True),
    )


def _check(state: State, data: Data, old_rows: NDArray[np.int64]) -> None:
    known = old_rows[old_rows >= 0]
    if len(old_rows) != int(data.num_nodes) or (len(known) and known.max() >= state.num_nodes):
        raise ValueError(f"old_rows is not about {int(data.num_nodes)} nodes and a state of {state.num_nodes}")
    if len(known) and np.bincount(known).max() > 1:
        raise ValueError("two nodes cannot both be one row of the state")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Change:
    """What a push did to a graph. Masks are by node of the new graph."""

    old: Tensor
    #: Has an edge, and had none: its rows are to be made.
    placed: Tensor
    #: Lost or gained an edge, and has one.
    touched: Tensor
    #: Has a vector that the state has not.
    moved: Tensor
    #: Where walks start, numbered within the connected part, as often as they do.
    starts: Tensor
    #: As ``State.edges``.
    edges: Tensor
    share_of_edges: float
    share_of_nodes: float

    @classmethod
    def of(cls, state: State, whole: Connected, old: Tensor, walks_per_node: int) -> _Change:
        nodes = old.numel()
        number = torch.full((state.num_nodes,), -1, dtype=torch.int64)
        number[old[old >= 0]] = (old >= 0).nonzero().squeeze(1)
        before = number[torch.from_numpy(state.edges).long()]
        edges = edges_once(whole)
        after = edges.long()
        kept = before[(before >= 0).all(1)]
        kept = torch.stack([torch.minimum(kept[:, 0], kept[:, 1]), torch.maximum(kept[:, 0], kept[:, 1])], 1)
        ends = _once_only(after, kept, nodes)
        lost = before[(before < 0).any(1)]
        changed = torch.zeros(nodes, dtype=torch.bool)
        changed[ends.reshape(-1)] = True
        changed[lost[lost >= 0]] = True
        had = torch.zeros(state.num_nodes, dtype=torch.bool)
        had[torch.from_numpy(state.edges).long().reshape(-1)] = True
        knew = (old >= 0) & had[old.clamp(min=0)]
        touched, placed = changed & whole.member, whole.member & ~knew
        walks = torch.where(placed, walks_per_node, min(_WALKS, walks_per_node)) * touched
        return cls(
            old=old,
            placed=placed,
            touched=touched,
            moved=touched | (old < 0) | (knew & ~whole.member),
            starts=torch.repeat_interleave(torch.arange(whole.graph.num_nodes), walks[whole.member]),
            edges=edges,
            share_of_edges=(ends.shape[0] + lost.shape[0]) / len(state.edges),
            share_of_nodes=float(touched.sum()) / max(1, nodes),
        )


def _once(state: State) -> Parameters:
    """Return the parameters of one pass over walks whose starts are listed one by one."""
    kept = state.parameters
    return replace(kept, epochs=1, walks_per_node=1, rate=kept.first_rate, seed=kept.seed + state.updates + 1)


def _once_only(one: Tensor, other: Tensor, nodes: int) -> Tensor:
    """Return the edges that are in the one or in the other and not in both."""
    edges = torch.cat([one, other])
    keys, order = (edges[:, 0] * nodes + edges[:, 1]).sort()
    same = keys[1:] == keys[:-1]
    both = torch.zeros(len(keys), dtype=torch.bool)
    both[1:] |= same
    both[:-1] |= same
    return edges[order[~both]]


def _carried(state: State, whole: Connected, change: _Change, parameters: Parameters) -> tuple[Tensor, Tensor]:
    """Return rows and distances of the connected nodes: those of the state, and places for the new ones."""
    old, placed = change.old[whole.member].clamp(min=0), change.placed[whole.member]
    rows, distances = torch.from_numpy(state.rows)[old], torch.from_numpy(state.distances)[old]
    if bool(placed.any()):
        rows[placed] = _places(whole.graph, rows, placed, parameters.seed)
        distances[placed] = distances[~placed].mean(0) * _FRESH
    return rows, distances


def _places(graph: Adjacency, rows: Tensor, placed: Tensor, seed: int) -> Tensor:
    """Return rows for new nodes: what the old nodes' neighbours say of the old rows, said of the new ones."""
    # Who is imported by everybody says little of who imports it. No row says anything of itself, old or new.
    told = rows.sum(1).mul_(graph.degree.to(rows).rsqrt().masked_fill_(placed, 0).unsqueeze(1))
    said = functional.embedding_bag(graph.neighbours, told, graph.first, mode="sum", include_last_offset=True)
    said = functional.normalize(said, out=said)
    # A zero row leaves a new node out of the sums.
    known = said.masked_fill(placed.unsqueeze(1), 0)
    gram = (known.t() @ known).to(torch.float64)
    gram.diagonal().add_(_RIDGE * float(gram.diagonal().mean()))
    # By Cholesky: torch's general solver leaves the order of its sums to the machine.
    mapping = torch.cholesky_solve((known.t() @ rows.flatten(1)).to(torch.float64), torch.linalg.cholesky(gram))
    found = (said[placed] @ mapping.to(rows)).view(-1, *rows.shape[1:])
    # Who has new neighbours alone is told nothing, and needs some direction to begin in.
    drawn = torch.randn(found.shape, generator=torch.Generator().manual_seed(seed))
    return found.add_(drawn, alpha=_NOISE)


def _vectors(state: State, whole: Connected, change: _Change, rows: Tensor, parameters: Parameters) -> Tensor:
    vectors = torch.from_numpy(state.vectors)[change.old.clamp(min=0)]
    alone = change.moved & ~whole.member
    vectors[alone] = random_vectors(int(alone.sum()), parameters.dim, parameters.seed)
    if bool(change.touched.any()):
        vectors[change.touched] = read_vectors(rows, whole.graph, smooth=parameters.smooth)[
            change.touched[whole.member]
        ]
    return vectors


def _next(
    state: State, whole: Connected, change: _Change, *, rows: Tensor, distances: Tensor, vectors: Tensor, drift: float
) -> State:
    return replace(
        state,
        edges=change.edges.numpy(),
        rows=of_all(whole, rows).numpy(),
        distances=of_all(whole, distances).numpy(),
        vectors=vectors.numpy(),
        updates=state.updates + 1,
        drift=drift,
    )
