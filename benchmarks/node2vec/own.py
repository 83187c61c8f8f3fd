"""Pharos, once: `python -m benchmarks.node2vec.own EDGES.npy VECTORS.npy PARAMETERS`. Prints JSON.

CPU seconds are those from the edges to the vectors: building the graph is in them. A fit of three nodes goes before,
as it does for the peers that compile.
"""

from __future__ import annotations

import json
import resource
import sys
import time

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
    """Fit and say what it took."""
    source, target, wanted = sys.argv[1:]
    edges = torch.from_numpy(np.load(source)).t().contiguous()
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    given = json.loads(wanted)
    loop = given["name"] == "pyg-loop"
    parameters = preset(**given | {"name": "pure" if loop else given["name"]})
    _fit(torch.tensor([[0, 1], [1, 2]]).t(), preset("fast"))
    began = time.process_time()
    found = _fit(edges, parameters, loop=loop)
    seconds = time.process_time() - began
    np.save(target, found.vectors)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mib": peak, "base_mib": base, "walks": found.stats.walks}))


if __name__ == "__main__":
    main()
