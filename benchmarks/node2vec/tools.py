"""Tools: run one of them once, in a process of its own on one thread; and the peers' environments."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.node2vec.graphs import ROOT
from benchmarks.node2vec.metrics import Pairs, Vectors

_HERE = Path(__file__).parent
_PEERS, _PYG = ROOT / ".venv-peers" / "node2vec", ROOT / ".venv-peers" / "pyg"
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
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "edges.npy", Path(folder) / "vectors.npy"
        np.save(source, edges)
        if tool in _HERE_TOO:
            wanted = {"name": tool, "epochs": 1, "seed": seed, **parameters}
            if tool == "prone":
                wanted |= {"name": "balanced", "method": "prone"}
            module = "benchmarks.node2vec.own"
            command = [sys.executable, "-m", module, str(source), str(target), json.dumps(wanted)]
        else:
            command = [str(python(tool)), str(_HERE / "peer.py"), tool, str(source), str(target), str(seed)]
        environment = {**os.environ, **_ONE_THREAD}
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{tool} failed: {done.stderr[-2000:]}")
        said = json.loads(done.stdout.splitlines()[-1])
        return Run(seconds=said["seconds"], peak_mib=said["peak_mib"], vectors=np.load(target))


def python(tool: str) -> Path:
    """Return the Python of a peer's environment, made at the first use."""
    if tool in _HERE_TOO:
        return Path(sys.executable)
    folder = _PYG if tool == "pyg" else _PEERS
    program = folder / "bin" / "python"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        for arguments in _PYG_STEPS if tool == "pyg" else (["-r", str(_HERE / "requirements.txt")],):
            subprocess.run([str(program), "-m", "pip", "install", "-qq", *arguments], check=True)
    return program


#: torch-cluster has no wheel and needs torch to be built: ten minutes and a C++20 compiler.
_PYG_STEPS = (
    ["torch==2.13.0", "numpy", "setuptools", "wheel", "torch-geometric==2.7.0"],
    ["--no-build-isolation", "torch-cluster==1.6.3"],
)
