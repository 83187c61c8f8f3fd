"""Node2Vec beside its peers, every tool on one thread, interleaved, medians of CPU seconds.

    .venv/bin/python -m benchmarks.node2vec speed [--sizes 1000,10000] [--rounds 3] [--peers grape,pyg] [--pyg]
    .venv/bin/python -m benchmarks.node2vec quality [--graphs django,home-assistant,sbm:10000] [--seeds 5]
    .venv/bin/python -m benchmarks.node2vec scaling [--million]
    .venv/bin/python -m benchmarks.node2vec update
    .venv/bin/python -m benchmarks.node2vec blogcatalog [--file blogcatalog.mat]

Equal walks: ten of twenty nodes from each node, window 10, 64 dimensions, 5 negatives, one pass. The peers are
installed into an environment of their own under `.venv-peers`. `pyg-loop` is PyG's own loader, loss and autograd on our
walks: what is left of PyG when its walks cost next to nothing; `pyg` is PyG 2.7 with torch-cluster itself, whose build
takes ten minutes: it is left out until `--pyg` has built it. A load average stands beside every table: on a busy
machine read the ratios.

Quality is that of one pass, of as many seeds as asked for: `labels` is the micro-F1 of a classifier that has seen half
of the nodes, `links` the AUC of the cosine, held-out edges against pairs of the same degrees. Below each table stands
what ours is above each peer, with its standard error, and the CPU seconds it takes for that.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from benchmarks.node2vec import blogcatalog, quality, scaling, speed, update
from benchmarks.node2vec.tools import peers


def main() -> None:
    """Measure what was asked for, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "quality", "scaling", "update", "blogcatalog"])
    parser.add_argument("--sizes", default="1000,10000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--graphs", default="django,home-assistant,sbm")
    parser.add_argument("--peers", help="commas between; all that are installed if none is named")
    parser.add_argument("--pyg", action="store_true", help="build PyG 2.7 and torch-cluster, if they are not built")
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--file", type=Path)
    asked = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    named = asked.peers.split(",") if asked.peers else None
    if asked.what == "speed":
        sizes = [int(size) for size in asked.sizes.split(",")]
        speed.measure(sizes, asked.rounds, peers(named, build=asked.pyg))
    elif asked.what == "quality":
        quality.measure(asked.graphs.split(","), asked.seeds, peers(named, build=asked.pyg))
    elif asked.what == "scaling":
        scaling.measure(million=asked.million)
    elif asked.what == "update":
        update.measure()
    else:
        blogcatalog.measure(asked.file)
    print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
