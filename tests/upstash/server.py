"""Upstash's documented REST protocol on a loopback port, in front of a real Redis; it refuses what they refuse."""

from __future__ import annotations

import json
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

TOKEN = "a-token-of-the-local-server"

_BLOCKING = frozenset(
    ("BLPOP", "BRPOP", "BRPOPLPUSH", "BLMOVE", "BLMPOP", "BZPOPMIN", "BZPOPMAX", "BZMPOP", "WAIT", "WAITAOF")
)
_OPTIMISTIC = frozenset(("WATCH", "UNWATCH", "DISCARD", "MULTI", "EXEC"))
_CONNECTION = frozenset(("AUTH", "CLIENT", "HELLO", "QUIT", "RESET", "SELECT", "COMMAND", "READONLY", "READWRITE"))
_STREAMS = frozenset(
    ("SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE", "MONITOR")
)
REFUSED = _BLOCKING | _OPTIMISTIC | _CONNECTION | _STREAMS

Command = list[str]


@dataclass
class Upstash:
    """What a test sees of the server, and the switches that it may set while it runs."""

    redis_url: str
    token: str = TOKEN
    url: str = ""
    #: Seconds that each request takes longer.
    latency: float = 0.0
    #: The month's requests are used up.
    used_up: bool = False
    #: Cut the connection without an answer: before the commands are run, or after.
    cut: Literal["before", "after"] | None = None
    #: Answer this status and text to everything, as something in between might.
    instead: tuple[int, bytes] | None = None
    #: Each request: its path and the names of its commands.
    requests: list[tuple[str, list[str]]] = field(default_factory=list)
    #: How many connections were accepted.
    connections: int = 0

    @property
    def commands(self) -> int:
        """How many commands came, those of a transaction with its MULTI and EXEC."""
        return sum(len(names) + 2 * (path == "/multi-exec") for path, names in self.requests)


@contextmanager
def serve_upstash(redis_url: str) -> Iterator[Upstash]:
    """Serve until the block ends."""
    upstash = Upstash(redis_url=redis_url)
    pool = redis.ConnectionPool.from_url(redis_url, protocol=2, retry=Retry(NoBackoff(), 0), driver_info=None)

    class Handler(_Handler):
        house, behind = upstash, pool

    server = _Server(("127.0.0.1", 0), Handler)
    upstash.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield upstash
    finally:
        server.shutdown()
        server.server_close()
        pool.disconnect()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up in mid-answer is one of the things that are tested."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Problem(Exception):
    """A request that is answered with a status and an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client, kept alive."""

    protocol_version = "HTTP/1.1"
    # One segment for an answer: Nagle's algorithm would hold the second one back for 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True
    house: Upstash
    behind: redis.ConnectionPool

    def setup(self) -> None:
        """Count the connection."""
        super().setup()
        self.house.connections += 1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
        """Say nothing."""

    def do_POST(self) -> None:
        """Answer a command, a pipeline or a transaction."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        time.sleep(self.house.latency)
        if self.house.instead is not None:
            self._send(*self.house.instead)
            return
        try:
            self._admit()
            commands = _read(self.path, body)
            self.house.requests.append((self.path, [command[0].upper() for command in commands]))
            if self.house.cut == "before":
                self._cut()
                return
            answer = self._answer(commands)
        except _Problem as problem:
            self._send(problem.status, json.dumps({"error": str(problem)}).encode())
            return
        if self.house.cut == "after":
            self._cut()
            return
        self._send(200, json.dumps(answer).encode())

    def _admit(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {self.house.token}":
            raise _Problem(401, "Unauthorized")
        if self.house.used_up:
            raise _Problem(
                400,
                "ERR max requests limit exceeded. Limit: 500000, Usage: 500001. "
                "See https://upstash.com/docs/redis/troubleshooting/max_requests_limit for details",
            )

    def _answer(self, commands: list[Command]) -> object:
        if self.path == "/pipeline":
            return [self._shown(reply) for reply in self._run(commands)]
        if self.path == "/multi-exec":
            return self._transaction(commands)
        (reply,) = self._run(commands)
        if isinstance(reply, Exception):
            raise _Problem(400, str(reply))
        return self._shown(reply)

    def _transaction(self, commands: list[Command]) -> object:
        for command in commands:
            if (refusal := _refusal(command)) is not None:
                raise _Problem(400, str(refusal))
        *_, replies = self._through([["MULTI"], *commands, ["EXEC"]])
        if isinstance(replies, Exception):
            raise _Problem(400, str(replies))
        assert isinstance(replies, list)
        return [self._shown(reply) for reply in replies]

    def _run(self, commands: list[Command]) -> list[Any]:
        return [_refusal(command) or self._through([command])[0] for command in commands]

    def _through(self, commands: list[Command]) -> list[Any]:
        connection = self.behind.get_connection()
        replies: list[Any] = []
        try:
            for command in commands:
                connection.send_command(*command)
                try:
                    replies.append(connection.read_response())
                except (redis.ResponseError, redis.AuthenticationError) as error:
                    replies.append(redis.ResponseError(_as_sent(error)))
        finally:
            self.behind.release(connection)
        return replies

    def _shown(self, reply: object) -> dict[str, object]:
        if isinstance(reply, Exception):
            return {"error": str(reply)}
        return {"result": _encoded(reply, base64=self.headers.get("Upstash-Encoding") == "base64")}

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _cut(self) -> None:
        self.close_connection = True
        self.wfile.flush()


def _read(path: str, body: bytes) -> list[Command]:
    try:
        said = json.loads(body.decode())
    except ValueError:
        raise _Problem(400, "ERR failed to parse the request body: not JSON in UTF-8") from None
    if path == "/":
        return [_command(said)]
    if path not in {"/pipeline", "/multi-exec"}:
        raise _Problem(400, f"ERR unknown path {path}")
    if not isinstance(said, list) or not said:
        raise _Problem(400, "ERR empty pipeline request")
    return [_command(part) for part in said]


def _command(said: object) -> Command:
    if not isinstance(said, list) or not said:
        raise _Problem(400, "ERR failed to parse command")
    if any(isinstance(part, bool) or not isinstance(part, str | int | float) for part in said):
        raise _Problem(400, "ERR failed to parse command: an argument is neither a string nor a number")
    return [str(part) for part in said]


def _refusal(command: Command) -> redis.ResponseError | None:
    name = command[0].upper()
    blocks = name in {"XREAD", "XREADGROUP"} and any(part.upper() == "BLOCK" for part in command)
    if name in REFUSED or blocks:
        return redis.ResponseError(
            f"ERR Command is not available: '{name}'. "
            "See https://upstash.com/docs/redis/overall/rediscompatibility for details"
        )
    return None


def _as_sent(error: redis.RedisError) -> str:
    """Return an error with the word in front that redis-py takes off."""
    code, text = error.status_code, str(error)
    return text if not code or text.startswith(code) else f"{code} {text}"


def _encoded(reply: object, *, base64: bool) -> object:
    if isinstance(reply, list):
        return [_encoded(part, base64=base64) for part in reply]
    if isinstance(reply, bytes):
        if not base64:
            return reply.decode("utf-8", "replace")
        return "OK" if reply == b"OK" else b64encode(reply).decode()
    return reply
