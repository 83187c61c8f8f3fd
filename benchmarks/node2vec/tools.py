"""Tools: run one of them once, in a process of its own on one thread; and the peers' environments."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.node2vec.graphs import ROOT
from benchmarks.node2vec.metrics import Pairs, Vectors

_HERE = Path(__file__).parent
_PEERS, _PYG = ROOT / ".venv-peers" / "node2vec", ROOT / ".venv-peers" / "pyg"
#: What was fetched and need not be fetched again.
KEPT = ROOT / ".venv-peers" / "fetched"
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
#: Ours by preset, then the peers.
OWN = ("pure", "balanced", "fast")
PEERS = ("grape", "pecanpy", "fastnode2vec", "pyg-loop")
_HERE_TOO = (*OWN, "prone", "pyg-loop")


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """What one run came to."""

    seconds: float
    peak_mib: float
    vectors: Vectors


def run(tool: str, edges: Pairs, seed: int = 0, **parameters: Any) -> Run:
    """Return one run of a tool on a graph. Ours are named by preset, and take parameters besides."""
    return run_all(tool, [edges], seed, **parameters)[0]


def run_all(tool: str, graphs: Sequence[Pairs], seed: int = 0, **parameters: Any) -> list[Run]:
    """Return a run on each graph, one after another in one process; the peak is that of all so far."""
    with tempfile.TemporaryDirectory() as folder:
        for number, edges in enumerate(graphs):
            np.save(Path(folder) / f"edges{number}.npy", edges)
        if tool in _HERE_TOO:
            wanted = {"name": tool, "epochs": 1, "seed": seed, **parameters}
            if tool == "prone":
                wanted |= {"name": "balanced", "method": "prone"}
            command = [sys.executable, "-m", "benchmarks.node2vec.own", folder, json.dumps(wanted)]
        else:
            command = [str(python(tool)), str(_HERE / "peer.py"), tool, folder, str(seed)]
        environment = {**os.environ, **_ONE_THREAD}
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{tool} failed: {done.stderr[-2000:]}")
        said = [json.loads(line) for line in done.stdout.splitlines()[-len(graphs) :]]
        return [
            Run(seconds=one["seconds"], peak_mib=one["peak_mib"], vectors=np.load(f"{folder}/vectors{number}.npy"))
            for number, one in enumerate(said)
        ]


def peers(asked: Sequence[str] | None, *, build: bool) -> list[str]:
    """Return the peers to measure, their environments made. PyG with torch-cluster is left out where it is not built.

    Raises:
        ValueError: a peer is asked for that there is none of.
    """
    chosen = list(asked if asked is not None else (*PEERS, "pyg"))
    if unknown := set(chosen) - {*PEERS, "pyg"}:
        raise ValueError(f"There is no peer {', '.join(sorted(unknown))}. Name some of {', '.join((*PEERS, 'pyg'))}.")
    if "pyg" in chosen and not build and not _built(_PYG):
        print("pyg: torch-cluster is not built here, so PyG 2.7 is not measured; `--pyg` builds it, in ten minutes")
        chosen.remove("pyg")
    for tool in chosen:
        python(tool)
    return chosen


def python(tool: str) -> Path:
    """Return the Python of a peer's environment, made at the first use."""
    if tool in _HERE_TOO:
        return Path(sys.executable)
    folder, steps = (_PYG, _PYG_STEPS) if tool == "pyg" else (_PEERS, _PEERS_STEPS)
    program = folder / "bin" / "python"
    if not _built(folder):
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        for arguments in steps:
            subprocess.run([str(program), "-m", "pip", "install", "-qq", *arguments], check=True)
    return program


def _built(folder: Path) -> bool:
    """Return whether an environment has what is installed into it last."""
    last = "torch_cluster" if folder == _PYG else "pecanpy"
    return any(folder.glob(f"lib/python*/site-packages/{last}"))


_PEERS_STEPS = (["-r", str(_HERE / "requirements.txt")],)
#: torch-cluster has no wheel and needs torch to be built: ten minutes and a C++20 compiler.
_PYG_STEPS = (
    ["torch==2.13.0", "numpy", "setuptools", "wheel", "torch-geometric==2.7.0"],
    ["--no-build-isolation", "torch-cluster==1.6.3"],
)
