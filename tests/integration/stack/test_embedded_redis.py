"""The embedded Redis keeps its data through every kind of end, and lets nobody in without the password."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, ResponseError

from pharos.stack.redis import EmbeddedRedis, find_redis_program


@pytest.fixture
def program(require: Callable[[str], None]) -> Path:
    """The server program."""
    require("redis")
    found = find_redis_program()
    assert found is not None
    return found


def test_data_are_kept_over_a_restart(folder: Path, program: Path) -> None:
    """What was written is there after a stop and a start."""
    server = EmbeddedRedis(folder, program=program)
    with server, Redis.from_url(server.url) as client:
        client.rpush("lane", "job")

    with server, Redis.from_url(server.url) as client:
        found = client.lrange("lane", 0, -1)

    assert found == [b"job"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_server_starts_again(folder: Path, program: Path) -> None:
    """After SIGKILL of the server, the next start reads what was written."""
    killed = EmbeddedRedis(folder, program=program)
    killed.start()
    with Redis.from_url(killed.url) as client:
        client.rpush("lane", "job")
    os.kill(killed.pid or 0, signal.SIGKILL)
    killed.stop()

    with EmbeddedRedis(folder, program=program) as server, Redis.from_url(server.url) as client:
        found = client.lrange("lane", 0, -1)

    assert found == [b"job"]


def test_two_servers_stand_side_by_side(folder: Path, program: Path) -> None:
    """Two servers at once have ports and data of their own."""
    with (
        EmbeddedRedis(folder / "a", program=program) as a,
        EmbeddedRedis(folder / "b", program=program) as b,
        Redis.from_url(a.url) as first,
        Redis.from_url(b.url) as second,
    ):
        first.set("name", "first")

        found = first.get("name"), second.get("name")

    assert found == (b"first", None)


def test_nobody_comes_in_without_the_password(redis_server: EmbeddedRedis) -> None:
    """A client without the right password is refused."""
    place = redis_server.url.rpartition("@")[2]

    with Redis.from_url(f"redis://{place}") as nobody, pytest.raises((AuthenticationError, ResponseError)):
        nobody.ping()
    with Redis.from_url(f"redis://:wrong@{place}") as liar, pytest.raises((AuthenticationError, ResponseError)):
        liar.ping()


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX modes")
def test_the_password_is_private(redis_server: EmbeddedRedis, servers_folder: Path) -> None:
    """The password stands in files of mode 0600 below a folder of mode 0700, and in no argument."""
    home = servers_folder / "redis"
    password = redis_server.url.split(":")[2].partition("@")[0]

    holders = [path for path in home.iterdir() if path.is_file() and password in path.read_text()]
    arguments = psutil.Process(redis_server.pid).cmdline()

    assert home.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in holders} == {
        "password.json": 0o600,
        "server.conf": 0o600,
    }
    assert not any(password in argument for argument in arguments)
