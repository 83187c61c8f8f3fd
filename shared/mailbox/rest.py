"""Redis over HTTPS 443 alone, for redis-py and so for RQ: exactly the commands that the mailbox issues."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import redis
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection, ConnectionPool
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from shared.mailbox.addresses import RestAddress
from shared.mailbox.conversation import Command, Conversation, Reply
from shared.mailbox.link import Link, Meter

if TYPE_CHECKING:
    from upstash_redis import Redis as Upstash

#: What the mailbox issues, and what RQ's own Queue and Job read of it. Nothing that blocks, watches or subscribes.
SENT = frozenset(
    (
        "DEL",
        "EXISTS",
        "EXPIRE",
        "HGETALL",
        "HSET",
        "LLEN",
        "LMPOP",
        "LPUSH",
        "LRANGE",
        "PING",
        "RPUSH",
        "SADD",
        "SMEMBERS",
    )
)
#: RQ asks a server for its version once, to know whether it may use LPOS and BLMOVE.
_VERSION = (7, 0, 0)


class NotOverRest(redis.RedisError):
    """A command, or a value that is not text, which does not go over REST. Nothing was sent."""


class RestConnection(AbstractConnection):
    """Speaks to redis-py like a socket: takes commands, hands out their answers in turn. It sends no handshake."""

    def __init__(self, *, conversation: Conversation, meter: Meter, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._conversation = conversation
        self._meter = meter
        self._replies: deque[Reply] = deque()

    def repr_pieces(self) -> list[tuple[str, object]]:
        """Return what stands in the name of this connection: nothing of its address."""
        return [("transport", "rest")]

    @property
    def is_connected(self) -> bool:
        """There is nothing to connect."""
        return True

    def connect(self) -> None:
        """There is nothing to connect."""

    def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        """There is nothing to connect."""

    def disconnect(self, *_: object, **__: object) -> None:
        """Forget answers that nobody read."""
        self._replies.clear()

    def can_read(self, timeout: float = 0) -> bool:
        """Whether an answer was left behind."""
        return bool(self._replies)

    def pack_command(self, *args: object) -> list[Command]:
        """Return one command as texts."""
        return [_texts(args)]

    def pack_commands(self, commands: Iterable[tuple[object, ...]]) -> list[Command]:
        """Return commands as texts."""
        return [_texts(command) for command in commands]

    def send_command(self, *args: object, **_: object) -> None:
        """Send one command."""
        self.send_packed_command(self.pack_command(*args))

    def send_packed_command(self, command: list[Command], check_health: bool = True) -> None:
        """Send commands: one by itself, several in one request, those between MULTI and EXEC as a transaction.

        Raises:
            NotOverRest: one of them does not go over REST; none was sent.
        """
        self._replies.clear()
        whole = [name for name, *_ in command]
        within = command[1:-1] if whole[0] == "MULTI" and whole[-1] == "EXEC" else None
        for name in whole if within is None else whole[1:-1]:
            if name not in SENT:
                raise NotOverRest(f"{name} is not one of the commands that go over REST")
        self._meter.add(len(command))
        if within is not None:
            self._replies.extend((b"OK", *(b"QUEUED" for _ in within), self._conversation.transaction(within)))
        elif len(command) == 1:
            self._replies.append(self._conversation.single(command[0]))
        else:
            self._replies.extend(self._conversation.batch(command))

    def read_response(self, *_: object, **__: object) -> Reply:
        """Return the next answer.

        Raises:
            redis.RedisError: the answer is an error, or there is none.
        """
        if not self._replies:
            raise redis.ConnectionError("no answer is left to read")
        reply = self._replies.popleft()
        if isinstance(reply, redis.RedisError):
            raise reply
        return reply

    def _connect(self) -> None:
        """There is nothing to connect."""

    def _host_error(self) -> str:
        return "REST"


class RestPool(ConnectionPool):
    """Connections that share one conversation, which is hung up with them."""

    def __init__(self, *, conversation: Conversation, meter: Meter, **kwargs: Any) -> None:
        super().__init__(RestConnection, conversation=conversation, meter=meter, **kwargs)
        self._conversation = conversation

    def disconnect(self, inuse_connections: bool = True) -> None:
        """Hang up, also on who waits for an answer when ``inuse_connections``."""
        super().disconnect(inuse_connections)
        if inuse_connections:
            self._conversation.hang_up()


class RestLink(Link):
    """The client over REST. Documents go through Upstash's own library, which is loaded with the first of them."""

    def __init__(self, pool: RestPool, *, meter: Meter, address: RestAddress, patience: float) -> None:
        super().__init__(pool, transport="rest", meter=meter)
        self._address = address
        self._patience = patience
        self._loading = threading.Lock()
        self._upstash: Upstash | None = None

    def keep_note(self, name: str, text: str) -> None:
        """Keep a small document."""
        if self._say("set", name, text) != "OK":
            raise redis.ConnectionError("the answer is not one of Upstash's REST protocol")

    def read_note(self, name: str) -> str | None:
        """Return the document of that name, if there is one."""
        value = self._say("get", name)
        if not isinstance(value, str | None):
            raise redis.ConnectionError("the answer is not one of Upstash's REST protocol")
        return value

    def close(self) -> None:
        """Close every connection."""
        super().close()
        if self._upstash is not None:
            self._upstash.close()  # type: ignore[no-untyped-call]  # the library's

    def _say(self, *command: str) -> object:
        """Return the answer as it came: to a name in small letters the library adds no reading of its own."""
        # Loaded here: 0.2 s of a whole core, and most deployments never come by.
        import httpx
        from upstash_redis.errors import UpstashError

        client = self._client()
        self.meter.add(1)
        try:
            return client.execute(list(command))
        except UpstashError as error:
            raise redis.ResponseError(str(error)) from error
        except (httpx.HTTPError, OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError) as error:
            # An answer that is not of the protocol fails in the library's own ways.
            raise redis.ConnectionError(f"no answer ({type(error).__name__})") from error

    def _client(self) -> Upstash:
        import httpx
        from upstash_redis import Redis as Upstash

        with self._loading:
            if self._upstash is None:
                made = Upstash(
                    self._address.url, self._address.token.get_secret_value(), rest_retries=0, allow_telemetry=False
                )
                # The library waits for ever and offers no setting for it.
                made._http._client.timeout = httpx.Timeout(self._patience)
                self._upstash = made
            return self._upstash


def connect_rest(address: RestAddress, *, patience: float, meter: Meter) -> RestLink:
    """Return a client over REST whose answers may take ``patience`` seconds. Nothing is sent yet."""
    pool = RestPool(
        conversation=Conversation(address, patience=patience),
        meter=meter,
        protocol=2,
        retry=Retry(NoBackoff(), 0),
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
        socket_read_size=1,
    )
    link = RestLink(pool, meter=meter, address=address, patience=patience)
    # RQ keeps the version under this name, and asks for it with INFO when it is not there.
    setattr(link, "__rq_redis_server_version", _VERSION)
    return link


def _texts(arguments: Iterable[object]) -> Command:
    name, *rest = arguments
    return [_text(name).upper(), *(_text(value) for value in rest)]


def _text(value: object) -> str:
    """Return a value as JSON can carry it."""
    try:
        if isinstance(value, bytes | bytearray | memoryview):
            return bytes(value).decode()
        text = value if isinstance(value, str) else str(value)
        text.encode()
    except UnicodeError as error:
        raise NotOverRest("REST carries text only, and this value is not UTF-8") from error
    return text
