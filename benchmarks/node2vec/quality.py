"""Quality: is a node recognised, do held-out edges rank above pairs of the same degrees; several seeds."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.node2vec.graphs import Graph, homeassistant, imports, sbm
from benchmarks.node2vec.metrics import hold_out, link_auc, recognised
from benchmarks.node2vec.tools import OWN, PEERS, run


def measure(names: Sequence[str], seeds: int, *, pyg: bool) -> None:
    """Print a table for each graph."""
    tools = (*OWN, "prone", *PEERS, *(["pyg"] if pyg else []))
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            graph = _graph(name, Path(folder))
            if graph is None:
                print(f"{name}: could not be fetched")
                continue
            print(f"{graph.name}: {graph.num_nodes} nodes, {len(graph.edges)} edges, {seeds} seeds")
            for tool in tools:
                print(f"  {tool:13} {_row(tool, graph, seeds)}", flush=True)


def _graph(name: str, folder: Path) -> Graph | None:
    if name == "home-assistant":
        return homeassistant(folder)
    return sbm(10_000) if name == "sbm" else imports({"django": "django__django"}.get(name, name))


def _row(tool: str, graph: Graph, seeds: int) -> str:
    spent, labels, links = [], [], []
    for seed in range(seeds):
        whole = run(tool, graph.edges, seed)
        spent.append(whole.seconds)
        labels.append(recognised(whole.vectors, graph.labels, seed))
        kept, true, false = hold_out(graph.edges, graph.num_nodes, seed)
        links.append(link_auc(run(tool, kept, seed).vectors, true, false))
    return f"{statistics.median(spent):8.3f} CPU s  labels {_mean(labels)}  links {_mean(links)}"


def _mean(values: list[float]) -> str:
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.3f} +- {spread:.3f}"
