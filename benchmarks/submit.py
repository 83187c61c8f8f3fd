"""Submitting over HTTP: requests a second and latency at 1, 32 and 200 connections, every job durable in Postgres.

    .venv/bin/python -m benchmarks.submit [seconds]

A real control plane with a real PostgreSQL (fsync on) and Redis on this machine; the cap lies above the load. The
client shares the machine's cores, so the figures are low bounds.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.house import ADMIN, House

CONNECTIONS = (1, 32, 200)


class Caller:
    """One kept-alive connection that submits one repository after another."""

    def __init__(self, port: int, name: str) -> None:
        self._port = port
        self._name = name
        self.seconds: list[float] = []

    async def run(self, until: float) -> None:
        """Submit until a moment of the loop's clock."""
        loop = asyncio.get_running_loop()
        streams = await asyncio.open_connection("127.0.0.1", self._port)
        number = 0
        while loop.time() < until:
            number += 1
            began = loop.time()
            status = await self._submit(*streams, number)
            if status != 202:
                raise SystemExit(f"not accepted: {status}")
            self.seconds.append(loop.time() - began)
        streams[1].close()

    async def once(self) -> int:
        """Submit one repository on a connection of its own; return the status."""
        streams = await asyncio.open_connection("127.0.0.1", self._port)
        status = await self._submit(*streams, 0)
        streams[1].close()
        return status

    async def _submit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> int:
        writer.write(_request(f"github.com/bench/{self._name}-{number}"))
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(_length(head))
        return int(head.split(maxsplit=2)[1])


def _request(repository: str) -> bytes:
    body = json.dumps({"url": repository}).encode()
    head = (
        "POST /api/v1/ingestion/ingest HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {ADMIN}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))


async def load(port: int, connections: int, seconds: float) -> list[float]:
    """Return the seconds of every request."""
    callers = [Caller(port, f"{connections}-{number}-{time.time_ns()}") for number in range(connections)]
    until = asyncio.get_running_loop().time() + seconds
    await asyncio.gather(*(caller.run(until) for caller in callers))
    return sorted(second for caller in callers for second in caller.seconds)


def main() -> None:
    """Measure and print."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 8.0
    with tempfile.TemporaryDirectory() as folder, House(Path(folder)) as house:
        port = house.start_plane(PHAROS_QUEUE_CAP="100000", PHAROS_LOG_LEVEL="warning")
        asyncio.run(load(port, 4, 1.0))
        for connections in CONNECTIONS:
            house.clear_jobs()
            taken = asyncio.run(load(port, connections, seconds))
            p50, p99 = statistics.median(taken), taken[int(len(taken) * 0.99)]
            print(
                f"{connections:4} connections  {len(taken) / seconds:7.0f} submits/s  "
                f"p50 {p50 * 1000:6.1f} ms  p99 {p99 * 1000:6.1f} ms",
                flush=True,
            )


if __name__ == "__main__":
    main()
