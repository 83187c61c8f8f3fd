"""Quality: is a node recognised, do held-out edges rank above pairs of the same degrees; ours beside the peers."""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.node2vec.graphs import Graph, homeassistant, imports, sbm
from benchmarks.node2vec.metrics import hold_out, link_auc, recognised
from benchmarks.node2vec.tools import KEPT, OWN, run_all

#: So many standard errors of the mean difference are noise.
_NOISE = 2.0


@dataclass(frozen=True, kw_only=True)
class Worth:
    """What a tool's vectors were worth with one seed, and what they cost."""

    seconds: float
    labels: float
    links: float


def measure(names: Sequence[str], seeds: int, peers: Sequence[str]) -> None:
    """Print for each graph what every tool came to, and how far each of ours is from each peer.

    The tools take turns, seed by seed; with a seed all see the same edges held out and the same nodes to learn from,
    so that their differences are taken in pairs.
    """
    for name in names:
        graph = _graph(name)
        if graph is None:
            print(f"{name}: could not be fetched")
            continue
        print(f"{graph.name}: {graph.num_nodes} nodes, {len(graph.edges)} edges, {seeds} seeds")
        found: dict[str, list[Worth]] = {tool: [] for tool in (*OWN, "prone", *peers)}
        for seed in range(seeds):
            for tool, worths in found.items():
                worths.append(_worth(tool, graph, seed))
            print(f"  seed {seed} done, load average {os.getloadavg()[0]:.1f}", flush=True)
        _say(found)
        for own in OWN:
            for peer in peers:
                print(f"  {own:9} - {peer:13} {_beside(found[own], found[peer])}", flush=True)


def _graph(name: str) -> Graph | None:
    if name == "home-assistant":
        return homeassistant(KEPT)
    kind, _, size = name.partition(":")
    return sbm(int(size or 10_000)) if kind == "sbm" else imports({"django": "django__django"}.get(name, name))


def _worth(tool: str, graph: Graph, seed: int) -> Worth:
    kept, true, false = hold_out(graph.edges, graph.num_nodes, seed)
    whole, rest = run_all(tool, [graph.edges, kept], seed)
    return Worth(
        seconds=whole.seconds,
        labels=recognised(whole.vectors, graph.labels, seed),
        links=link_auc(rest.vectors, true, false),
    )


def _say(found: Mapping[str, Sequence[Worth]]) -> None:
    for tool, worths in found.items():
        labels, links = _mean([worth.labels for worth in worths]), _mean([worth.links for worth in worths])
        print(f"  {tool:13} {_seconds(worths):8.3f} CPU s  labels {labels}  links {links}", flush=True)


def _beside(own: Sequence[Worth], peer: Sequence[Worth]) -> str:
    labels = _verdict([one.labels - other.labels for one, other in zip(own, peer, strict=True)])
    links = _verdict([one.links - other.links for one, other in zip(own, peer, strict=True)])
    return f"labels {labels}  links {links}  at 1/{_seconds(peer) / _seconds(own):.1f} of its CPU seconds"


def _verdict(differences: list[float]) -> str:
    """Return the mean difference, its standard error, and whether it is below nothing by more than noise."""
    mean, error = statistics.mean(differences), 0.0
    if len(differences) > 1:
        error = statistics.stdev(differences) / len(differences) ** 0.5
    word = "BELOW" if mean < -_NOISE * error else "level" if mean < _NOISE * error else "above"
    return f"{mean:+.3f} +- {error:.3f} {word}"


def _seconds(worths: Sequence[Worth]) -> float:
    return statistics.median(worth.seconds for worth in worths)


def _mean(values: list[float]) -> str:
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.3f} +- {spread:.3f}"
