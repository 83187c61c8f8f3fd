"""A house for each test, over each way to Redis."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from pharos.stack.postgres import EmbeddedPostgres
from tests.faults.house import House
from tests.faults.nursery import Nursery
from tests.upstash.server import serve_upstash

#: Every time of the product, a fiftieth of itself: a worker is lost after 1.2 s, a lease is over after 12.
SCALE = 0.02


class Build(Protocol):
    """Makes a house."""

    def __call__(self, *, scale: float = SCALE, transport: str = "tcp", **settings: str) -> House:
        """Return it, with nothing started. ``settings`` hold for every process of it."""
        ...


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """The process from which this session's planes and workers are forked."""
    with Nursery() as nursery:
        yield nursery


@pytest.fixture
def build(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_server: EmbeddedPostgres, nursery: Nursery
) -> Iterator[Build]:
    """Make houses that are gone with the test."""
    with ExitStack() as parts:

        def make(*, scale: float = SCALE, transport: str = "tcp", **settings: str) -> House:
            url = None if transport == "none" else request.getfixturevalue("redis_server").url
            if transport == "rest":
                upstash = parts.enter_context(serve_upstash(url))
                settings |= {"PHAROS_REDIS_URL": upstash.url, "PHAROS_REDIS_TOKEN": upstash.token}
            return parts.enter_context(
                House(tmp_path, postgres_server, url, nursery=nursery, scale=scale, settings=settings)
            )

        yield make
