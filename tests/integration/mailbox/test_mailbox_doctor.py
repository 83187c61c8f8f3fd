"""What doctor says of Redis: over which transport it answers, and which way is closed."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
import redis
from mailbox_places import free_port
from pydantic import SecretStr

from pharos.doctor.check import Finding, run_checks
from pharos.doctor.stores import store_checks

if TYPE_CHECKING:
    from upstash.server import Upstash

pytestmark = pytest.mark.usefixtures("redis_link")


def _look(**environment: str) -> Finding:
    (check,) = store_checks(environment, vectors=None)
    (finding,) = run_checks([check])
    return finding


def test_a_socket_is_named(redis_url: SecretStr) -> None:
    """A Redis that answers over TCP says so."""
    finding = _look(PHAROS_REDIS_URL=redis_url.get_secret_value())

    assert finding.grade == "OK"
    assert finding.found.startswith("answers in ")
    assert finding.found.endswith(" ms over TCP")


@pytest.mark.parametrize("name", ["PHAROS_REDIS_URL", "PHAROS_REDIS_REST_URL"])
def test_rest_is_named(upstash: Upstash, name: str) -> None:
    """One that is asked over REST says so, whichever setting names it."""
    finding = _look(**{name: upstash.url, "PHAROS_REDIS_TOKEN": upstash.token})

    assert finding.grade == "OK"
    assert finding.found.endswith(" ms over REST")


def test_both_ways_are_asked(redis_url: SecretStr, upstash: Upstash) -> None:
    """Where both are set both are tried."""
    finding = _look(
        PHAROS_REDIS_URL=redis_url.get_secret_value(),
        PHAROS_REDIS_REST_URL=upstash.url,
        PHAROS_REDIS_TOKEN=upstash.token,
    )

    assert finding.grade == "OK"
    assert "over TCP, in " in finding.found
    assert finding.found.endswith(" over REST")


@pytest.mark.parametrize("kind", ["refused", "swallowed"])
def test_a_blocked_port_is_named(upstash: Upstash, kind: str) -> None:
    """A port that refuses or swallows is said to be blocked, and what stands in for it answers in time."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1] if kind == "swallowed" else free_port()

        finding = _look(
            PHAROS_REDIS_URL=f"redis://:canary@127.0.0.1:{port}/0",
            PHAROS_REDIS_REST_URL=upstash.url,
            PHAROS_REDIS_TOKEN=upstash.token,
        )

    assert finding.grade == "OK"
    assert finding.found.endswith(f" ms over REST; TCP {port} is blocked")


def test_a_rest_that_would_not_stand_in_is_a_warning(redis_url: SecretStr, upstash: Upstash) -> None:
    """A token that opens nothing is told while the socket still answers."""
    finding = _look(
        PHAROS_REDIS_URL=redis_url.get_secret_value(),
        PHAROS_REDIS_REST_URL=upstash.url,
        PHAROS_REDIS_TOKEN="canary-token",
    )

    assert finding.grade == "WARN"
    assert "not over REST (AuthenticationError)" in finding.found
    assert finding.fix == "check PHAROS_REDIS_REST_URL and PHAROS_REDIS_TOKEN"


def test_no_way_is_a_failure(upstash: Upstash) -> None:
    """With both ways closed the check fails and names both settings."""
    upstash.used_up = True

    finding = _look(
        PHAROS_REDIS_URL=f"redis://127.0.0.1:{free_port()}/0",
        PHAROS_REDIS_REST_URL=upstash.url,
        PHAROS_REDIS_TOKEN=upstash.token,
    )

    assert (finding.grade, finding.fix) == ("FAIL", "check PHAROS_REDIS_URL and PHAROS_REDIS_REST_URL")


def test_a_missing_token_is_named(upstash: Upstash) -> None:
    """An https:// address without its token is told by the name of what is missing."""
    finding = _look(PHAROS_REDIS_REST_URL=upstash.url)

    assert finding.grade == "FAIL"
    assert finding.found == "PHAROS_REDIS_TOKEN is not set. PHAROS_REDIS_REST_URL needs it"


def test_no_redis_is_not_looked_at(redis_link: redis.Redis) -> None:
    """Without an address there is nothing to check."""
    assert store_checks({"PHAROS_REDIS_TOKEN": "token"}, vectors=None) == []
