"""A control plane that listens, and what is done to it from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2
from plane_factories import a_heartbeat
from plane_twins import AS_ADMIN, House

from shared.nodes.capabilities import Capabilities
from shared.timing import Timing

ECHO = "/api/v1/workers/echo"


@dataclass(frozen=True, kw_only=True)
class Served:
    """A control plane, where it answers, and the loop that it lives on."""

    house: House
    url: str
    loop: asyncio.AbstractEventLoop


Serve = Callable[[Timing], Served]


def hear(served: Served, *workers: str) -> None:
    """Have one or two workers heard; the first one is the less loaded."""
    for slots, worker in zip((64, 1), workers, strict=False):
        capabilities = Capabilities(node=worker.partition(".")[0], cpus=8)
        attempt = {"job_id": f"job_{'0' * 26}", "attempt": 1, "repository": "a/b"}
        heartbeat = a_heartbeat(worker=worker, capabilities=capabilities, slots=slots, attempts=(attempt,))
        served.house.presence.hear(heartbeat)


def echo(served: Served, **body: Any) -> asyncio.Task[httpx2.Response]:
    """Ask for an echo, on a connection of its own."""

    async def ask() -> httpx2.Response:
        async with httpx2.AsyncClient(base_url=served.url, headers=AS_ADMIN, timeout=30.0) as http:
            return await http.post(ECHO, json=body)

    return asyncio.create_task(ask())


async def until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until something is true on the server's thread."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - it changes on another thread
            await asyncio.sleep(0.01)
