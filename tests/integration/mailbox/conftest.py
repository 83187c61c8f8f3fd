"""A mailbox over each transport: one suite that all of them pass."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis
from mailbox_places import Place
from pydantic import SecretStr

from pharos.stack.redis import find_redis_program

if TYPE_CHECKING:
    from upstash.server import Upstash


@pytest.fixture(scope="session")
def socket_path(servers_folder: Path, require: Callable[[str], None]) -> Iterator[Path]:
    """The unix socket of a Redis of this session's own."""
    require("redis")
    program, path = find_redis_program(), servers_folder / "redis.sock"
    assert program is not None
    server = subprocess.Popen(
        [program, "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL
    )
    end = time.monotonic() + 30
    while not path.is_socket():
        assert time.monotonic() < end, "the server did not begin to listen"
        time.sleep(0.02)
    yield path
    server.terminate()
    server.wait(timeout=10)


@pytest.fixture(params=["tcp", "unix", "rest"])
def place(request: pytest.FixtureRequest, redis_url: SecretStr) -> Iterator[Place]:
    """An empty Redis and the way to it, over each transport in turn."""
    behind, url, token = redis_url, redis_url, None
    if request.param == "unix":
        behind = url = SecretStr(f"unix://{request.getfixturevalue('socket_path')}")
    if request.param == "rest":
        upstash: Upstash = request.getfixturevalue("upstash")
        url, token = SecretStr(upstash.url), SecretStr(upstash.token)
    with redis.Redis.from_url(behind.get_secret_value()) as link:
        link.flushall()
        found = Place(transport=request.param, url=url, token=token, link=link)
        yield found
        found.close()
