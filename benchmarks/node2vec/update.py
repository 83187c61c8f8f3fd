"""Update: a push that touches two of a hundred edges, beside fitting ten epochs anew."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch_geometric.data import Data

from benchmarks.node2vec.graphs import Graph, homeassistant, imports, sbm
from benchmarks.node2vec.metrics import link_auc, recognised
from edge_worker.compute.node2vec import fit
from edge_worker.compute.trainer import preset
from edge_worker.compute.warm import update

_TEN = preset("balanced", epochs=10)
_CPU = torch.device("cpu")


def measure(rounds: int = 5) -> None:
    """Print a line for each graph: medians of the rounds, each another push."""
    with tempfile.TemporaryDirectory() as folder:
        fetched = homeassistant(Path(folder))
    graphs = [imports("django__django"), imports("sqlalchemy__sqlalchemy"), fetched, sbm(10_000)]
    for graph in filter(None, graphs):
        rows = [_push(graph, seed) for seed in range(rounds)]
        whole, warm, moved, cosine, labels, gone, links, lost = (
            statistics.median(column) for column in zip(*rows, strict=True)
        )
        print(
            f"{graph.name}: fit {whole:.3f} CPU s, update {warm:.4f}: 1/{whole / warm:.0f}; moved {moved:.1%}; "
            f"least cosine of the others {cosine:.3f}; labels {labels:.3f} (fit {gone:.3f}); "
            f"edges of what moved {links:.3f} (fit {lost:.3f})",
            flush=True,
        )


def _push(graph: Graph, seed: int) -> tuple[float, ...]:
    """Undo a push at random, fit what was before, and update: .5 % of the files are new, 1 % of the edges besides."""
    generator = np.random.default_rng(seed)
    new = generator.random(graph.num_nodes) < 0.005
    gone = new[graph.edges].any(1) | (generator.random(len(graph.edges)) < 0.01)
    number = np.cumsum(~new) - 1
    before = _data(number[graph.edges[~gone]], int((~new).sum()))
    after, old = _data(graph.edges, graph.num_nodes), np.where(new, -1, number)
    state = fit(before, _TEN, device=_CPU, progress=_unheard).state
    assert state is not None
    begun = time.process_time()
    whole = fit(after, _TEN, device=_CPU, progress=_unheard)
    between = time.process_time()
    warm = update(state, after, old, _TEN, device=_CPU, progress=_unheard)
    ended = time.process_time()
    assert warm is not None
    same = ~warm.moved
    cosine = (warm.vectors[same] * state.vectors[old[same]]).sum(1).min()
    of_moved = graph.edges[warm.moved[graph.edges].any(1)]
    false = np.stack([of_moved[:, 0], generator.permutation(of_moved[:, 1])], 1)
    scores = [
        score
        for found in (warm, whole)
        for score in (
            recognised(found.vectors, graph.labels, seed),
            link_auc(found.vectors, of_moved, false[false[:, 0] != false[:, 1]]),
        )
    ]
    return (
        between - begun,
        ended - between,
        float(warm.moved.mean()),
        float(cosine),
        scores[0],
        scores[2],
        scores[1],
        scores[3],
    )


def _data(edges: NDArray[np.int64], num_nodes: int) -> Data:
    """Return the graph as ``graph_data`` would: both ways, sorted."""
    both = np.concatenate([edges, edges[:, ::-1]])
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    return Data(edge_index=torch.from_numpy(np.ascontiguousarray(both.T)), num_nodes=num_nodes)


def _unheard(done: int, total: int) -> None:
    """Let progress pass."""
