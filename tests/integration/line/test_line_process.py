"""The control plane as the process that it is, with nothing behind it: what lines cost, and that they end with it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import psutil
import pytest
from plane_factories import a_heartbeat
from plane_twins import ADMIN, AS_ADMIN, AS_WORKER, WORKER
from raw_line import DEN, RawLine

from pharos.stack.ports import free_port
from pharos.stack.processes import Child, start_python
from pharos.stack.ready import wait_for_http
from tests.unit.plane.asyncio_apart import run_apart

#: Bytes that one held line may keep resident.
_MOST = 64 * 1024
_LINES = 100


class Process:
    """A running control plane."""

    def __init__(self, child: Child, url: str) -> None:
        self.child = child
        self.url = url

    def resident(self) -> int:
        """Return the bytes of memory that it has."""
        return int(psutil.Process(self.child.pid).memory_info().rss)


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Process]:
    """A control plane without Redis, whose ledger does not answer."""
    port = free_port()
    settings = {
        "MODE": "CLOUD",
        "PORT": str(port),
        "PHAROS_ADMIN_TOKEN": ADMIN,
        "PHAROS_WORKER_TOKEN": WORKER,
        "PHAROS_DATABASE_URL": "postgresql://pharos_app:x@127.0.0.1:1/pharos",
        "PHAROS_KEEPER_DATABASE_URL": "postgresql://pharos_keeper:x@127.0.0.1:1/pharos",
    }
    with start_python("cloud_api", log=tmp_path / "cloud.log", env=settings) as child:
        url = f"http://127.0.0.1:{port}"
        wait_for_http(f"{url}/health", child)
        yield Process(child, url)


async def _hold(parts: AsyncExitStack, plane: Process, number: int) -> None:
    for at in range(number):
        line = await parts.enter_async_context(RawLine(plane.url, f"den.{at:012x}"))
        await line.open()


def test_a_line_works_without_a_ledger(plane: Process) -> None:
    """An echo needs neither Postgres nor Redis, only a worker that was heard and holds a line."""

    async def life() -> None:
        with httpx2.Client(base_url=plane.url, headers=AS_WORKER) as http:
            http.post("/api/v1/workers/heartbeat", json=json.loads(a_heartbeat().model_dump_json())).raise_for_status()
        async with RawLine(plane.url) as den, httpx2.AsyncClient(base_url=plane.url, headers=AS_ADMIN) as http:
            await den.open()
            async with den.echoing():
                answer = await http.post("/api/v1/workers/den/echo", json={"text": "hi"})

            data = answer.json()["data"]
            assert (data["worker"], data["text"], data["hops"]) == (DEN, "hi", 0)

    run_apart(life())


def test_a_held_line_is_small(plane: Process) -> None:
    """A hundred held lines keep at most 64 KB each."""

    async def life() -> None:
        async with AsyncExitStack() as parts:
            # What the first lines make the process load stays, and is no line's own.
            await _hold(parts, plane, 20)
        await asyncio.sleep(0.2)
        before = plane.resident()
        async with AsyncExitStack() as parts:
            await _hold(parts, plane, _LINES)
            each = (plane.resident() - before) / _LINES

        assert each <= _MOST

    run_apart(life())


def test_lines_do_not_hold_up_a_stop(plane: Process) -> None:
    """A control plane that is asked to stop ends its lines cleanly, and is gone long before its patience is over."""

    async def life() -> None:
        async with RawLine(plane.url) as den, RawLine(plane.url, "attic.0123456789ab") as attic:
            await den.open()
            await attic.open()
            began = time.monotonic()
            await asyncio.to_thread(plane.child.stop)
            after = time.monotonic() - began
            for line in (den, attic):
                with pytest.raises(StopAsyncIteration):
                    await line.event(2)

            assert (plane.child.exit_code, after < 4) == (0, True)

    run_apart(life())
