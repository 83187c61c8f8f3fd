"""Pharos: `python -m benchmarks.node2vec.own FOLDER PARAMETERS`. Of each edges0.npy, ... makes vectors0.npy, ...

A line of JSON is printed for each. CPU seconds are those from the edges to the vectors: building the graph is in them.
A fit of three nodes goes before, as it does for the peers that compile.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from edge_worker.compute.embedding import Embedding
from edge_worker.compute.node2vec import FastNode2Vec, fit
from edge_worker.compute.trainer import Parameters, preset


def _fit(edges: Tensor, parameters: Parameters, *, loop: bool = False) -> Embedding:
    data = Data(edge_index=torch.cat([edges, edges.flip(0)], 1), num_nodes=int(edges.max()) + 1)
    if not loop:
        return fit(data, parameters, device=torch.device("cpu"), progress=_unheard)
    # As PyG's example has it: one negative walk a walk, sparse gradients.
    model = FastNode2Vec(data.edge_index, 64, 20, 10, 10, 1, 1, 1, data.num_nodes, sparse=True, epochs=1)
    return model.fit(device=torch.device("cpu"), progress=_unheard, engine="pyg")


def _unheard(done: int, total: int) -> None:
    """Let progress pass."""


def main() -> None:
    """Fit each graph and say what it took."""
    folder, wanted = Path(sys.argv[1]), json.loads(sys.argv[2])
    loop = wanted["name"] == "pyg-loop"
    parameters = preset(**wanted | {"name": "pure" if loop else wanted["name"]})
    _fit(torch.tensor([[0, 1], [1, 2]]).t(), preset("fast"))
    for number in range(len(list(folder.glob("edges*.npy")))):
        edges = torch.from_numpy(np.load(folder / f"edges{number}.npy")).t().contiguous()
        began = time.process_time()
        found = _fit(edges, parameters, loop=loop)
        seconds = time.process_time() - began
        np.save(folder / f"vectors{number}.npy", found.vectors)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "peak_mib": peak}))


if __name__ == "__main__":
    main()
