"""A control plane that listens on loopback, over twins of what needs a database."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import uvicorn
from line_served import Serve, Served
from plane_twins import House

from cloud_api.serve import Server
from shared.timing import Timing


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start control planes with the times that are given."""
    with ExitStack() as parts:
        yield lambda timing: parts.enter_context(_served(timing))


@pytest.fixture
def served(serve: Serve) -> Served:
    """A control plane with the product's times."""
    return serve(Timing())


@contextmanager
def _served(timing: Timing) -> Iterator[Served]:
    house, ready, loops = House(timing), threading.Event(), list[asyncio.AbstractEventLoop]()
    config = uvicorn.Config(house.app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=5)
    server = Server(config, release=house.lines.close)
    startup = server.startup

    async def started(sockets: object = None) -> None:
        await startup(sockets)
        loops.append(asyncio.get_running_loop())
        ready.set()

    server.startup = started  # uvicorn has no other sign that it listens
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert ready.wait(20)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Served(house=house, url=f"http://127.0.0.1:{port}", loop=loops[0])
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()
