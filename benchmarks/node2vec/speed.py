"""Speed: CPU seconds at equal walks, and the ratio to ours."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.node2vec.graphs import sbm
from benchmarks.node2vec.tools import OWN, run


def measure(sizes: Sequence[int], rounds: int, peers: Sequence[str]) -> None:
    """Print a table for each size: tools in turn, round by round."""
    for size in sizes:
        graph = sbm(size)
        print(f"{graph.name}: {graph.num_nodes} nodes, {len(graph.edges)} edges")
        found: dict[str, list[float]] = {tool: [] for tool in (*OWN, *peers)}
        for number in range(rounds):
            for tool, seconds in found.items():
                done = run(tool, graph.edges)
                seconds.append(done.seconds)
                print(
                    f"  {tool:13} round {number + 1}  {done.seconds:8.3f} CPU s  {done.peak_mib:5.0f} MiB", flush=True
                )
        middle = {tool: statistics.median(seconds) for tool, seconds in found.items()}
        for tool, seconds in middle.items():
            print(
                f"  {tool:13} {seconds:8.3f} CPU s  {seconds / graph.num_nodes * 1e5:6.1f} us a walk of ten  "
                f"{seconds / middle['balanced']:5.1f} x balanced  {seconds / middle['pure']:5.1f} x pure  "
                f"{seconds / middle['fast']:5.1f} x fast",
                flush=True,
            )
