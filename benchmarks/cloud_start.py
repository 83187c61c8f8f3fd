"""What a wake of the control plane costs: CPU seconds and memory from start to the first 200 of /health.

    .venv/bin/python benchmarks/cloud_start.py [runs]

Prints one line a run and the medians. Bytecode is compiled first, as the deployment's build command does.
"""

from __future__ import annotations

import compileall
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx2
import psutil

from pharos.stack.ports import free_port
from pharos.stack.processes import start_python

ROOT = Path(__file__).parents[1]
#: An unreachable ledger and mailbox: what is measured is the process, not what it waits for.
SETTINGS = {
    "MODE": "CLOUD",
    "PHAROS_ADMIN_TOKEN": "a" * 32,
    "PHAROS_WORKER_TOKEN": "w" * 32,
    "PHAROS_DATABASE_URL": "postgresql://pharos_app:x@127.0.0.1:1/pharos",
    "PHAROS_KEEPER_DATABASE_URL": "postgresql://pharos_keeper:x@127.0.0.1:1/pharos",
    "PHAROS_REDIS_URL": "redis://127.0.0.1:1",
}


def one_run(folder: Path) -> tuple[float, float, float]:
    """Start the control plane once; return CPU seconds, wall seconds and resident MiB at its first answer."""
    port = free_port()
    began = time.perf_counter()
    with start_python("cloud_api", log=folder / "cloud.log", env=SETTINGS | {"PORT": str(port)}) as child:
        process = psutil.Process(child.pid)
        while not _answers(port):
            time.sleep(0.01)
        wall = time.perf_counter() - began
        times = process.cpu_times()
        return times.user + times.system, wall, process.memory_info().rss / 2**20


def _answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/health", timeout=2.0).status_code == 200
    except httpx2.HTTPError:
        return False


def main() -> None:
    """Measure and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    for package in ("cloud_api", "shared"):
        compileall.compile_dir(ROOT / package, quiet=1)
    with tempfile.TemporaryDirectory() as folder:
        one_run(Path(folder))
        figures = [one_run(Path(folder)) for _ in range(runs)]
    for cpu, wall, memory in figures:
        print(f"{cpu:6.2f} s CPU  {wall:6.2f} s wall  {memory:6.1f} MiB")
    cpu, wall, memory = (statistics.median(column) for column in zip(*figures, strict=True))
    print(f"median: {cpu:.2f} s CPU, {wall:.2f} s wall, {memory:.1f} MiB resident")


if __name__ == "__main__":
    main()
