"""Fixtures for every test: real servers, started once a session and gone with it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from upstash.server import Upstash

    from pharos.stack.postgres import EmbeddedPostgres
    from pharos.stack.redis import EmbeddedRedis

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def _redis() -> object:
    from pharos.stack.redis import find_redis_program

    return find_redis_program()


def _chromium() -> object:
    return next(filter(None, map(shutil.which, _BROWSERS)), None)


_SERVICES: dict[str, Callable[[], object]] = {"redis": _redis, "chromium": _chromium}


@pytest.fixture(scope="session")
def require() -> Callable[[str], None]:
    """``require("redis")``: without it the test is skipped, or fails where PHAROS_REQUIRE_SERVICES is set."""

    def check(service: str) -> None:
        if _SERVICES.get(service, lambda: shutil.which(service))():
            return
        if os.environ.get("PHAROS_REQUIRE_SERVICES"):
            pytest.fail(f"{service} is required here and is missing")
        pytest.skip(f"{service} is missing on this machine")

    return check


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """A folder for servers' data; also a server that root runs under another user can reach it."""
    folder = Path(tempfile.mkdtemp(prefix="pharos-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_server(servers_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of this session's own, with the database ``pharos``, empty but for its owner."""
    from pharos.stack.postgres import EmbeddedPostgres

    with EmbeddedPostgres(servers_folder / "postgres", durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(servers_folder: Path, require: Callable[[str], None]) -> Iterator[EmbeddedRedis]:
    """A Redis of this session's own."""
    from pharos.stack.redis import EmbeddedRedis, find_redis_program

    require("redis")
    program = find_redis_program()
    assert program is not None
    with EmbeddedRedis(servers_folder / "redis", program=program) as server:
        yield server


@pytest.fixture
def upstash(redis_server: EmbeddedRedis) -> Iterator[Upstash]:
    """Upstash's REST protocol in front of the session's Redis: ``url`` and ``token``, and switches for a test."""
    from upstash.server import serve_upstash

    with serve_upstash(redis_server.url) as server:
        yield server
