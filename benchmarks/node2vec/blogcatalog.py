"""BlogCatalog: 10,312 bloggers, 39 groups, a blogger in several; macro-F1 as in the node2vec paper."""

from __future__ import annotations

import subprocess
import tempfile
import urllib.request
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.node2vec.tools import python, run

_ADDRESS = "https://raw.githubusercontent.com/phanein/deepwalk/master/example_graphs/blogcatalog.mat"
_READ = """
import sys, numpy, scipy.io, scipy.sparse
held = scipy.io.loadmat(sys.argv[1])
edges = scipy.sparse.triu(held["network"], 1).tocoo()
numpy.savez(sys.argv[2], edges=numpy.stack([edges.row, edges.col], 1).astype("int64"),
            groups=numpy.asarray(held["group"].todense()).astype("float32"))
"""


def measure(file: Path | None) -> None:
    """Print macro-F1 and micro-F1 with half of the bloggers to learn from, means of five splits."""
    with tempfile.TemporaryDirectory() as folder:
        if file is None:
            file = Path(folder) / "blogcatalog.mat"
            urllib.request.urlretrieve(_ADDRESS, file)
        read = Path(folder) / "blogcatalog.npz"
        subprocess.run([str(python("grape")), "-c", _READ, str(file), str(read)], check=True)
        held = np.load(read)
        edges, groups = held["edges"], held["groups"]
    print(f"BlogCatalog: {len(groups)} nodes, {len(edges)} edges")
    for name, parameters in (
        ("pure, 40 walks of 20", {"walks_per_node": 40}),
        ("pure, 10 walks of 80", {"walk_length": 80}),
    ):
        done = run("pure", edges, dim=128, **parameters)
        _say(name, done.seconds, done.vectors, groups)
    # Of 65 neighbours ten walks see few, and vectors twice as wide hold more nodes apart: more walks, more noise.
    for walks in (28, 40):
        done = run("balanced", edges, dim=128, walks_per_node=walks, noise=20, smooth=0)
        _say(f"every second, {walks} walks, noise 20", done.seconds, done.vectors, groups)
    done = run("prone", edges, dim=128)
    _say("ProNE", done.seconds, done.vectors, groups)


def _say(name: str, seconds: float, vectors: NDArray[np.float32], groups: NDArray[np.float32]) -> None:
    # Of length 1 the rows would be held back by the penalty; the paper's are not.
    rows = torch.from_numpy(vectors / vectors.std())
    scores = [_score(rows, torch.from_numpy(groups), seed) for seed in range(5)]
    macro, micro = (float(np.mean(column)) for column in zip(*scores, strict=True))
    print(f"  {name:30} {seconds:7.2f} CPU s  macro-F1 {macro:.4f}  micro-F1 {micro:.4f}", flush=True)


def _score(vectors: Tensor, groups: Tensor, seed: int) -> tuple[float, float]:
    """Return both scores; as in the paper a blogger's number of groups is known, and the likeliest ones are named."""
    order = torch.randperm(len(vectors), generator=torch.Generator().manual_seed(seed))
    train, test = order[: len(order) // 2], order[len(order) // 2 :]
    rows = torch.cat([vectors, torch.ones(len(vectors), 1)], 1)
    weights = torch.zeros(rows.shape[1], groups.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        fit = torch.nn.functional.binary_cross_entropy_with_logits(
            rows[train] @ weights, groups[train], reduction="sum"
        )
        value = fit + 0.5 * weights[:-1].square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)
    likely = (rows[test] @ weights.detach()).argsort(1, descending=True).argsort(1)
    named = (likely < groups[test].sum(1, keepdim=True)).float()
    right = (named * groups[test]).sum(0)
    asked, said = groups[test].sum(0), named.sum(0)
    macro = (2 * right / (asked + said).clamp(min=1)).mean()
    return float(macro), float(2 * right.sum() / (asked.sum() + said.sum()))
