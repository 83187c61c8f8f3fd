"""The local server answers as Upstash documents it: what it runs, what it refuses, and how it says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import redis
from upstash_redis import Redis as UpstashRedis
from upstash_redis.errors import UpstashError

from upstash.server import REFUSED, serve_upstash

if TYPE_CHECKING:
    from pharos.stack.redis import EmbeddedRedis
    from upstash.server import Upstash


@pytest.fixture(autouse=True)
def empty(redis_server: EmbeddedRedis) -> None:
    """Begin with an empty Redis."""
    with redis.Redis.from_url(redis_server.url) as link:
        link.flushall()


def _post(upstash: Upstash, path: str, body: Any, **headers: str) -> tuple[int, Any]:
    sent = {"Authorization": f"Bearer {upstash.token}"} | headers
    answer = httpx2.post(upstash.url + path, json=body, headers=sent, timeout=10)
    return answer.status_code, answer.json()


def test_a_command_is_run(upstash: Upstash) -> None:
    """One command goes to the root; strings come as they are, or in base64 when that is asked for."""
    assert _post(upstash, "/", ["SET", "a", "é"]) == (200, {"result": "OK"})
    assert _post(upstash, "/", ["GET", "a"]) == (200, {"result": "é"})
    assert _post(upstash, "/", ["GET", "a"], **{"Upstash-Encoding": "base64"}) == (200, {"result": "w6k="})
    assert _post(upstash, "/", ["SET", "a", 5], **{"Upstash-Encoding": "base64"}) == (200, {"result": "OK"})
    assert _post(upstash, "/", ["EXISTS", "a", "b"]) == (200, {"result": 1})
    assert _post(upstash, "/", ["GET", "nothing"]) == (200, {"result": None})


def test_a_pipeline_goes_on_after_an_error(upstash: Upstash) -> None:
    """Each command of a pipeline has an answer of its own."""
    status, answers = _post(upstash, "/pipeline", [["SET", "a", "1"], ["LPUSH", "a", "1"], ["BLPOP", "b", "1"]])

    assert (status, answers[0]) == (200, {"result": "OK"})
    assert answers[1]["error"].startswith("WRONGTYPE")
    assert "not available: 'BLPOP'" in answers[2]["error"]


def test_a_transaction_is_run_whole_or_not_at_all(upstash: Upstash) -> None:
    """A command that cannot be queued undoes its transaction."""
    done = _post(upstash, "/multi-exec", [["INCR", "n"], ["INCR", "n"]])
    status, refused = _post(upstash, "/multi-exec", [["INCR", "n"], ["HSET", "only-a-key"]])

    assert done == (200, [{"result": 1}, {"result": 2}])
    assert (status, "EXECABORT" in refused["error"]) == (400, True)
    assert _post(upstash, "/", ["GET", "n"]) == (200, {"result": "2"})


@pytest.mark.parametrize("name", sorted(REFUSED))
@pytest.mark.parametrize("path", ["/", "/multi-exec"])
def test_what_upstash_refuses_is_refused(upstash: Upstash, path: str, name: str) -> None:
    """Commands that block, watch, subscribe or belong to a connection are an error with status 400."""
    command = [name.lower(), "a", "1"]

    status, answer = _post(upstash, path, command if path == "/" else [command])

    assert (status, f"'{name}'" in answer["error"]) == (400, True)


def test_a_blocking_read_of_a_stream_is_refused(upstash: Upstash) -> None:
    """XREAD is run without BLOCK and refused with it."""
    assert _post(upstash, "/", ["XREAD", "STREAMS", "a", "0"]) == (200, {"result": None})
    assert _post(upstash, "/", ["XREAD", "BLOCK", "1", "STREAMS", "a", "0"])[0] == 400


def test_ping_and_echo_are_allowed(upstash: Upstash) -> None:
    """The two connection commands that work without a connection are run."""
    assert _post(upstash, "/", ["PING"]) == (200, {"result": "PONG"})
    assert _post(upstash, "/", ["ECHO", "a"]) == (200, {"result": "a"})


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic a-token-of-the-local-server"])
@pytest.mark.parametrize("path", ["/", "/pipeline", "/multi-exec"])
def test_the_token_is_asked_for_everywhere(upstash: Upstash, path: str, header: str) -> None:
    """Without the token nothing is run, on any path."""
    status, answer = _post(upstash, path, [["SET", "a", "1"]], Authorization=header)

    assert (status, answer) == (401, {"error": "Unauthorized"})
    assert upstash.requests == []


@pytest.mark.parametrize(
    "body", [None, {}, [], "PING", [[]], [["SET", "a", {"b": 1}]], [["SET", "a", None]], [["SET", "a", True]]], ids=repr
)
def test_what_is_no_command_is_refused(upstash: Upstash, body: object) -> None:
    """A body that is no list of strings and numbers is an error with status 400."""
    assert _post(upstash, "/pipeline", body)[0] == 400


def test_bytes_that_are_no_text_are_refused(upstash: Upstash) -> None:
    """The body is JSON in UTF-8, or it is refused."""
    answer = httpx2.post(
        upstash.url, content=b'["SET", "a", "\xff"]', headers={"Authorization": f"Bearer {upstash.token}"}, timeout=10
    )

    assert answer.status_code == 400


def test_a_used_up_plan_says_so(upstash: Upstash) -> None:
    """Over its month's limit the server says it in Upstash's words."""
    upstash.used_up = True

    status, answer = _post(upstash, "/", ["PING"])

    assert (status, "max requests limit exceeded" in answer["error"]) == (400, True)


def test_upstashs_own_library_works_on_it(upstash: Upstash) -> None:
    """The official client reads and writes, alone, in a pipeline and in a transaction."""
    with UpstashRedis(upstash.url, upstash.token, rest_retries=0) as client:
        client.set("a", "é")
        piped = client.pipeline().set("b", "1").get("a").exec()
        moved = client.multi().incr("b").incr("b").exec()

        with pytest.raises(UpstashError, match="not available"):
            client.execute(["BLPOP", "a", "1"])
        assert (client.get("a"), piped, moved, client.ping()) == ("é", [True, "é"], [2, 3], "PONG")


def test_servers_stand_side_by_side(redis_server: EmbeddedRedis) -> None:
    """Two servers before one Redis show the same keys and count for themselves."""
    with serve_upstash(redis_server.url) as one, serve_upstash(redis_server.url) as other:
        _post(one, "/", ["SET", "a", "1"])

        assert _post(other, "/", ["GET", "a"]) == (200, {"result": "1"})
        assert (one.commands, other.commands) == (1, 1)
