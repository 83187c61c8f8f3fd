"""Node2Vec: torch_geometric's model, walked and trained by this package."""

from __future__ import annotations

import time
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch_geometric.data import Data
from torch_geometric.nn import Node2Vec

from edge_worker.compute.device import one_thread
from edge_worker.compute.embedding import Embedding, FitStats
from edge_worker.compute.fitting import Connected, embed
from edge_worker.compute.graph import adjacency
from edge_worker.compute.skipgram import SkipGram
from edge_worker.compute.trainer import Parameters, Progress, Step
from edge_worker.compute.walker import Walker
from edge_worker.compute.walkers import walker_for

#: Of torch_geometric's own loop, as its example has it.
_LOOP_RATE = 0.01


def fit(
    data: Data, parameters: Parameters, *, device: torch.device, progress: Progress, step: Step = SkipGram.step
) -> Embedding:
    """Return the embedding of a graph that ``graph_data`` made. Promises and raises as ``embed`` does.

    It is what ``FastNode2Vec.fit`` returns, without a model to keep: that is a third table beside the two in training.
    """
    with one_thread():
        whole = Connected.of(data.edge_index, int(data.num_nodes), data.edge_attr)
    return embed(whole, parameters, device=device, progress=progress, step=step)


class FastNode2Vec(Node2Vec):  # type: ignore[misc]
    """A ``torch_geometric.nn.Node2Vec`` that needs no compiled extension, and brings a ``fit`` of its own.

    Everything else is inherited: ``forward``, ``loader``, ``loss``, ``test``, ``state_dict``. The constructor is not,
    since torch_geometric's raises without ``pyg-lib``, whose walk knows no p and q besides. ``fit`` does not train by
    autograd: its skip-gram step is this package's.
    """

    # The order is torch_geometric's.
    def __init__(  # noqa: PLR0917
        self,
        edge_index: Tensor,
        embedding_dim: int = 64,
        walk_length: int = 20,
        context_size: int = 10,
        walks_per_node: int = 10,
        p: float = 1.0,
        q: float = 1.0,
        num_negative_samples: int = 5,
        num_nodes: int | None = None,
        sparse: bool = False,
        *,
        edge_weight: Tensor | None = None,
        **others: Any,
    ) -> None:
        """Take what torch_geometric's model takes, weights, and by name what else ``Parameters`` has.

        Raises:
            ValueError: an edge names a node that is not there, or a weight is not a positive number.
        """
        torch.nn.Module.__init__(self)
        self.settings = Parameters(
            dim=embedding_dim,
            walk_length=walk_length,
            context=context_size,
            walks_per_node=walks_per_node,
            p=p,
            q=q,
            negatives=num_negative_samples,
            **others,
        )
        self.num_nodes = num_nodes or (int(edge_index.max()) + 1 if edge_index.numel() else 0)
        self.whole = Connected.of(edge_index, self.num_nodes, edge_weight)
        self.rowptr, self.col = self.whole.rows()
        self.random_walk_fn = RandomWalk(self.rowptr, self.col, self.whole.graph.weights)
        self.EPS = 1e-15
        self.embedding_dim, self.context_size, self.walks_per_node = embedding_dim, context_size, walks_per_node
        # torch_geometric counts steps here, and nodes where it is told.
        self.walk_length = walk_length - 1
        self.p, self.q, self.num_negative_samples = p, q, num_negative_samples
        generator = torch.Generator().manual_seed(self.settings.seed)
        start = torch.randn((self.num_nodes, embedding_dim), generator=generator)
        self.embedding = torch.nn.Embedding(self.num_nodes, embedding_dim, sparse=sparse, _weight=start)

    def fit(
        self,
        *,
        device: torch.device,
        progress: Progress,
        step: Step = SkipGram.step,
        engine: Literal["fast", "pyg"] = "fast",
    ) -> Embedding:
        """Train, keep the vectors as the model's weights, and return them.

        The engine ``pyg`` is torch_geometric's own loop (loader, loss, autograd, Adam) on this package's walks: slow,
        and what the fast one is judged by. Promises and raises as ``embed`` does.
        """
        if engine == "pyg":
            return self._loop(progress)
        found = embed(self.whole, self.settings, device=device, progress=progress, step=step)
        with torch.no_grad():
            self.embedding.weight.copy_(torch.from_numpy(found.vectors))
        return found

    def _loop(self, progress: Progress) -> Embedding:
        began, loss = time.perf_counter(), None
        kind = torch.optim.SparseAdam if self.embedding.sparse else torch.optim.Adam
        optimizer = kind([self.embedding.weight], lr=_LOOP_RATE)
        with one_thread(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.settings.seed)
            for epoch in range(self.settings.epochs):
                for true, false in self.loader(batch_size=self.settings.batch, shuffle=True):
                    progress(epoch, self.settings.epochs)
                    optimizer.zero_grad()
                    loss = self.loss(true, false)
                    loss.backward()
                    optimizer.step()  # type: ignore[no-untyped-call]
        progress(self.settings.epochs, self.settings.epochs)
        walks, seconds = self.num_nodes * self.walks_per_node * self.settings.epochs, time.perf_counter() - began
        return Embedding(
            vectors=functional.normalize(self.embedding.weight.detach()).numpy(),
            isolated=(~self.whole.member).numpy(),
            moved=np.ones(self.num_nodes, dtype=np.bool_),
            state=None,
            stats=FitStats(
                walks=walks,
                walks_per_second=round(walks / seconds, 1),
                seconds=round(seconds, 4),
                device="cpu",
                batch=self.settings.batch if walks else 0,
                loss=None if loss is None else round(float(loss.detach()), 6),
            ),
        )


class RandomWalk:
    """``torch.ops.pyg.random_walk`` by this package's walkers: any p and q, and torch's seed is heeded.

    Where the model's own rows are walked, their weights count.
    """

    def __init__(self, rowptr: Tensor, col: Tensor, weights: Tensor | None) -> None:
        self._rowptr, self._col, self._weights = rowptr, col, weights
        self._known: tuple[Tensor, Tensor, float, float] | None = None
        self._walker: Walker

    # The order is the operator's.
    def __call__(  # noqa: PLR0917
        self, rowptr: Tensor, col: Tensor, seed: Tensor, walk_length: int, p: float = 1.0, q: float = 1.0
    ) -> Tensor:
        """Return one walk of ``walk_length`` steps a seed, shape (seeds, walk_length + 1), the seed first."""
        known = self._known
        if known is None or known[0] is not rowptr or known[1] is not col or known[2:] != (p, q):
            sources = torch.repeat_interleave(torch.arange(rowptr.numel() - 1, device=col.device), rowptr.diff())
            weights = self._weights if rowptr is self._rowptr and col is self._col else None
            graph = adjacency(torch.stack([sources, col]), rowptr.numel() - 1, weights)
            self._walker, self._known = walker_for(graph, p=p, q=q), (rowptr, col, p, q)
        return self._walker.walk(seed, walk_length + 1, None)
