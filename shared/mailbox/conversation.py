"""Upstash's REST protocol over HTTPS: commands as JSON, answers in base64, errors as redis-py's own."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64decode
from collections.abc import Sequence
from typing import TypeAlias

import httpx2
import redis
from redis.connection import DefaultParser

from shared.mailbox.addresses import RestAddress
from shared.mailbox.link import LARGEST

Command: TypeAlias = Sequence[str]
Reply: TypeAlias = "bytes | int | list[Reply] | redis.RedisError | None"

_CONNECT = 3.0
#: Seconds that an idle connection is kept for the next command; routers at home forget one after minutes.
_KEPT = 30.0


class PlanUsedUp(redis.ResponseError):
    """Upstash answers no more: too many requests in this second or this month."""


class Conversation:
    """Asks one endpoint, from any thread. A request is never repeated: an id would be on its lane twice."""

    def __init__(self, address: RestAddress, *, patience: float) -> None:
        """Nothing is opened yet; an answer may take ``patience`` seconds."""
        self._address = address
        self._patience = patience
        self._lock = threading.Lock()
        self._client: httpx2.Client | None = None

    def single(self, command: Command) -> Reply:
        """Return the answer to one command, an error among them.

        Raises:
            redis.ConnectionError, redis.TimeoutError: there was none; whether the command was run is not known.
        """
        return self._one(self._ask("/", command))

    def batch(self, commands: Sequence[Command]) -> list[Reply]:
        """Return the answers to commands that were run one after the other, each on its own. Raises as ``single``."""
        return self._many(self._ask("/pipeline", commands), len(commands))

    def transaction(self, commands: Sequence[Command]) -> list[Reply]:
        """Return the answers to commands of which all were run or none. Raises as ``single``."""
        return self._many(self._ask("/multi-exec", commands), len(commands))

    def hang_up(self) -> None:
        """Close every connection; the next request makes a new one."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _ask(self, path: str, body: Sequence[str] | Sequence[Command]) -> object:
        deadline = time.monotonic() + self._patience
        try:
            with self._open().stream("POST", self._address.url + path, json=body) as response:
                status, text = response.status_code, _read(response, deadline)
        except httpx2.TimeoutException as error:
            raise redis.TimeoutError(f"no answer within {self._patience:g} s") from error
        except (httpx2.HTTPError, OSError, RuntimeError) as error:
            # RuntimeError: another thread hung up between the client's making and its use.
            raise redis.ConnectionError(f"no answer ({type(error).__name__})") from error
        return _understand(status, text)

    def _open(self) -> httpx2.Client:
        with self._lock:
            if self._client is None:
                self._client = httpx2.Client(
                    headers={
                        "Authorization": f"Bearer {self._address.token.get_secret_value()}",
                        "Upstash-Encoding": "base64",
                        "Accept-Encoding": "identity",
                    },
                    timeout=httpx2.Timeout(self._patience, connect=min(_CONNECT, self._patience)),
                    limits=httpx2.Limits(max_connections=32, keepalive_expiry=_KEPT),
                    follow_redirects=False,
                    # A proxy of the environment is for the world outside, and would read what is not encrypted.
                    trust_env=self._address.url.startswith("https://"),
                )
            return self._client

    @staticmethod
    def _one(answer: object) -> Reply:
        if isinstance(answer, redis.ResponseError):
            return answer
        if not isinstance(answer, dict):
            raise redis.ConnectionError("the answer is not one of Upstash's REST protocol")
        if "error" in answer:
            return _error(str(answer["error"]))
        return _decoded(answer.get("result"))

    def _many(self, answer: object, wanted: int) -> list[Reply]:
        if isinstance(answer, redis.ResponseError):
            raise answer
        if isinstance(answer, dict) and "error" in answer:
            raise _error(str(answer["error"]))
        if not isinstance(answer, list) or len(answer) != wanted:
            raise redis.ConnectionError("the answer has not as many parts as there were commands")
        return [self._one(part) for part in answer]


def _read(response: httpx2.Response, deadline: float) -> bytes:
    text = bytearray()
    for part in response.iter_raw():
        text += part
        if len(text) > LARGEST:
            raise redis.ConnectionError(f"the answer is larger than {LARGEST} bytes")
        if time.monotonic() > deadline:
            raise redis.TimeoutError("the answer came too slowly")
    return bytes(text)


def _understand(status: int, text: bytes) -> object:
    if status in {401, 403}:
        raise redis.AuthenticationError("the token is not one of this database")
    if status == 429:
        raise PlanUsedUp("too many requests")
    if status not in {200, 400}:
        raise redis.ConnectionError(f"HTTP {status}")
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise redis.ConnectionError("the answer is not JSON") from error
    if status == 400:
        said = answer.get("error") if isinstance(answer, dict) else None
        return _error(str(said or "the request was refused"))
    return answer


def _error(text: str) -> redis.ResponseError:
    if "max requests limit exceeded" in text:
        return PlanUsedUp(text)
    made = DefaultParser.parse_error(text)  # type: ignore[no-untyped-call]  # redis-py's
    return made if isinstance(made, redis.ResponseError) else redis.ResponseError(text)


def _decoded(value: object) -> Reply:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, list):
        return [_decoded(part) for part in value]
    if value == "OK":
        # The one word that comes as it is.
        return b"OK"
    if isinstance(value, str):
        try:
            return b64decode(value, validate=True)
        except ValueError as error:
            raise redis.ConnectionError("the answer is not in base64") from error
    raise redis.ConnectionError(f"the answer holds a {type(value).__name__}")
