"""Scaling: CPU seconds and peak memory from a hundred nodes to a million."""

from __future__ import annotations

import statistics

from benchmarks.node2vec.graphs import sbm
from benchmarks.node2vec.tools import run

#: Nodes, and the CPU seconds that they may take.
_LIMITS = {100: 0.02, 1_000: 0.1, 10_000: 1.0, 100_000: 12.0, 1_000_000: 150.0}


def measure(*, million: bool) -> None:
    """Print a line for each size; the million once, and only if asked for."""
    for size, limit in _LIMITS.items():
        if size == 1_000_000 and not million:
            continue
        graph = sbm(size)
        done = [run("balanced", graph.edges) for _ in range(1 if size >= 100_000 else 5)]
        seconds = statistics.median(one.seconds for one in done)
        print(
            f"{size:8} nodes {len(graph.edges):8} edges  {seconds:8.3f} CPU s (at most {limit})  "
            f"peak {done[-1].peak_mib:.0f} MiB  ({' '.join(f'{one.seconds:.3f}' for one in done)})",
            flush=True,
        )
