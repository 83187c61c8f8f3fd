"""Whole ingests of made repositories by a real house: seconds by stage, CPU seconds and peak memory.

    .venv/bin/python -m benchmarks.ingest [files ...] [--push 0.01]

Sizes are 1000 and 10000 unless named (45000 takes minutes). Each repository is ingested, ingested again after a push
that changes a share of its files, and asked for once more unchanged. PostgreSQL, Redis, LanceDB, git, the control plane
and the worker are real; nothing of it leaves this machine.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil

from benchmarks.house import ADMIN, House
from benchmarks.made_repository import MadeRepository

_STAGES = ("resolve", "fetch", "parse", "train", "neighbours", "store", "analyse", "publish")
#: What a repository costs is called fast enough at so many an hour.
_AN_HOUR = 15
#: MiB that a compute process does not have before its libraries are loaded.
_LIBRARIES = 150


@dataclass(frozen=True, kw_only=True)
class Run:
    """One ended job, the CPU seconds of the worker's processes, and MiB of the compute process: before, peak, after."""

    name: str
    job: Mapping[str, Any]
    cpu: float
    memory: tuple[float, float, float]

    def seconds(self) -> dict[str, float]:
        """Return wall seconds by stage; what none of the handler's stages took is publishing."""
        known = dict(self.job["result"].get("seconds", {}))
        return {**known, "publish": self.job["seconds"] - sum(known.values())}

    def line(self) -> str:
        """Return the figures on one line."""
        seconds, total = self.seconds(), self.job["seconds"]
        result = self.job["result"]
        stages = "".join(f"{seconds.get(name, 0.0):>11.2f}" for name in _STAGES)
        share = 100 * seconds.get("train", 0.0) / total
        vectors = result.get("vectors", {})
        memory = "/".join(f"{mib:.0f}" for mib in self.memory)
        way = f"{vectors.get('way', 'unchanged')} {vectors.get('written', 0):,}/{vectors.get('kept', 0):,}"
        return (
            f"{self.name:<16}{stages}{total:>9.2f}{self.cpu:>8.2f}{memory:>14}"
            f"{share:>7.1f} %{3600 / total / _AN_HOUR:>8.1f} x  {way}"
        )


class Bench:
    """A house with one worker, and a folder of repositories."""

    def __init__(self, house: House, port: int, repositories: Path) -> None:
        self._house, self._repositories = house, repositories
        self._http = httpx2.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {ADMIN}"}, timeout=60
        )

    def measure(self, files: int, share: float) -> Iterator[Run]:
        """Yield a first ingest, one after a push, and one of the same commit."""
        made = MadeRepository(self._repositories / f"made{files}", files=files)
        yield self._ingest(f"{files:,} files", made.folder)
        changed = made.push(share)
        yield self._ingest(f"+ push of {changed:,}", made.folder)
        yield self._ingest("+ nothing", made.folder)

    def _ingest(self, name: str, folder: Path) -> Run:
        """Ingest by a worker that was just started: the peak of its memory is this job's."""
        settings = {
            "MODE": "EDGE",
            "PHAROS_NODE": "bench",
            "PHAROS_CONTROL_URL": str(self._http.base_url).rstrip("/"),
            "PHAROS_WORK_DIR": str(self._house.folder / "work"),
            "PHAROS_LANCEDB_PATH": str(self._house.folder / "lancedb"),
            "PHAROS_LOCAL_ROOTS": str(self._repositories),
            "PHAROS_DEVICE": "cpu",
            "PHAROS_LOG_LEVEL": "warning",
        }
        with self._house.start("edge_worker", **settings) as worker:
            compute = _compute(psutil.Process(worker.pid))
            began, idle = _cpu(psutil.Process(worker.pid)), _memory(compute, "VmRSS")
            job = self._job(folder)
            # Tidying up and giving memory back come after the job's end.
            _at_rest(compute)
            cpu = _cpu(psutil.Process(worker.pid)) - began
            memory = (idle, _memory(compute, "VmHWM"), _memory(compute, "VmRSS"))
        if job["state"] != "succeeded":
            raise SystemExit(f"{name}: {job['state']}, {job['reason']}: {job['detail']}")
        return Run(name=name, job=job, cpu=cpu, memory=memory)

    def _job(self, folder: Path) -> Mapping[str, Any]:
        asked = self._http.post("/api/v1/ingestion/ingest", json={"url": str(folder)})
        asked.raise_for_status()
        where = asked.json()["data"]["status_url"]
        while True:
            job: Mapping[str, Any] = self._http.get(where).json()["data"]
            if job["state"] not in {"queued", "running"}:
                return job
            time.sleep(0.2)


def _compute(worker: psutil.Process) -> psutil.Process:
    """Return the worker's compute process once its libraries are loaded and it does nothing more."""
    while True:
        for child in worker.children():
            if any("attempt.child" in part for part in child.cmdline()) and _memory(child, "VmRSS") > _LIBRARIES:
                _at_rest(child)
                return child
        time.sleep(0.2)


def _at_rest(process: psutil.Process) -> None:
    """Return once a process has done nothing for a second."""
    before = -1.0
    while (spent := sum(process.cpu_times()[:4])) != before:
        before = spent
        time.sleep(1.0)


def _cpu(worker: psutil.Process) -> float:
    """Return the CPU seconds of a worker and its children, those that ended included."""
    return sum(sum(one.cpu_times()[:4]) for one in (worker, *worker.children()))


def _memory(process: psutil.Process, figure: str) -> float:
    """Return MiB of a process, as Linux calls them."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(status.partition(f"{figure}:")[2].split()[0]) / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=int, default=[1000, 10_000])
    parser.add_argument("--push", type=float, default=0.01, metavar="SHARE", help="of the files, changed by a push")
    asked = parser.parse_args()
    heads = "".join(f"{name:>11}" for name in _STAGES)
    print(f"{'':<16}{heads}{'whole':>9}{'CPU':>8}{'MiB':>14}{'train':>9}{f'{_AN_HOUR}/h':>10}  vectors written/kept")
    with tempfile.TemporaryDirectory() as folder, House(Path(folder)) as house:
        repositories = Path(folder) / "repositories"
        repositories.mkdir()
        port = house.start_plane(PHAROS_LOG_LEVEL="warning", PHAROS_LOCAL_ROOTS=str(repositories))
        bench = Bench(house, port, repositories)
        for files in asked.files:
            for run in bench.measure(files, asked.push):
                print(run.line(), flush=True)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
