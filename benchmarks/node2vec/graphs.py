"""Graphs to measure on: made ones whose blocks are known, and the imports of real repositories."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
_TRUTH = ROOT / "benchmarks" / "imports" / "truth"
_HOMEASSISTANT = "homeassistant==2026.2.3"


@dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """An undirected graph, each edge once, every node in one; and what each node is to be recognised as."""

    name: str
    edges: NDArray[np.int64]
    labels: NDArray[np.int64]

    @property
    def num_nodes(self) -> int:
        return len(self.labels)

    def without(self, gone: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the edges that are not gone."""
        return self.edges[~gone]


def sbm(num_nodes: int, *, seed: int = 1) -> Graph:
    """Return a degree-corrected stochastic block model: 4 draws a node, heavy-tailed degrees, 35 % across blocks."""
    generator = torch.Generator().manual_seed(seed)
    blocks = max(4, min(100, num_nodes // 300))
    block = torch.randint(blocks, (num_nodes,), generator=generator)
    propensity = (1 - torch.rand(num_nodes, generator=generator, dtype=torch.float64)).pow(-0.4)
    draws = 4 * num_nodes
    source, target = (_by_weight(propensity, draws, generator) for _ in range(2))
    inside = torch.rand(draws, generator=generator) > 0.35
    for number in range(blocks):
        members = (block == number).nonzero().squeeze(1)
        chosen = (inside & (block[source] == number)).nonzero().squeeze(1)
        target[chosen] = members[_by_weight(propensity[members], chosen.numel(), generator)]
    pairs = torch.stack([source, target], 1).numpy()
    return _graph(f"sbm {num_nodes}", pairs, block.numpy())


def imports(repository: str) -> Graph:
    """Return the import graph of a repository whose true edges are listed; a file is recognised by its folder."""
    listed = min(_TRUTH.glob(f"{repository}@*.tsv"), key=lambda path: len(path.name))
    lines = listed.read_text().splitlines()
    return _of_paths(repository.split("__")[1], (tuple(line.split("\t")[:2]) for line in lines))


def homeassistant(folder: Path) -> Graph | None:
    """Return the import graph of home-assistant's wheel by `pharos graph`; None where it cannot be fetched.

    The wheel is fetched into the folder, and once.
    """
    wanted = f"{_HOMEASSISTANT.replace('==', '-')}-*.whl"
    found = next(folder.glob(wanted), None)
    if found is None:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--python-version", "3.14"]
        subprocess.run([*pip, "--only-binary", ":all:", "-d", str(folder), _HOMEASSISTANT], check=False)
        found = next(folder.glob(wanted), None)
    if found is None:
        return None
    source = folder / "homeassistant"
    with zipfile.ZipFile(found) as packed:
        packed.extractall(source, [name for name in packed.namelist() if name.endswith(".py")])
    command = [sys.executable, "-m", "pharos", "graph", str(source)]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return _of_paths("home-assistant", (tuple(line.split("\t")[:2]) for line in printed.splitlines()))


def _by_weight(weight: torch.Tensor, count: int, generator: torch.Generator) -> torch.Tensor:
    reach = weight.cumsum(0)
    drawn = torch.rand(count, generator=generator, dtype=torch.float64) * reach[-1]
    return torch.searchsorted(reach, drawn, right=True).clamp_(max=weight.numel() - 1)


def _of_paths(name: str, pairs: Iterable[tuple[str, ...]]) -> Graph:
    known = sorted(set(pairs))
    paths = sorted({path for pair in known for path in pair})
    number = {path: place for place, path in enumerate(paths)}
    folders = sorted({path.rpartition("/")[0] for path in paths})
    folder = {path: place for place, path in enumerate(folders)}
    labels = np.array([folder[path.rpartition("/")[0]] for path in paths])
    return _graph(name, np.array([[number[one], number[other]] for one, other in known]), labels)


def _graph(name: str, pairs: NDArray[np.int64], labels: NDArray[np.int64]) -> Graph:
    """Return a graph of pairs in any order and direction, without the nodes that are in none."""
    pairs = np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1)
    keys = np.unique(pairs[:, 0] * len(labels) + pairs[:, 1])
    pairs = np.stack([keys // len(labels), keys % len(labels)], 1)
    there, numbered = np.unique(pairs, return_inverse=True)
    return Graph(name=name, edges=numbered.reshape(-1, 2), labels=labels[there])
