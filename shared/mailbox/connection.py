"""The way to Redis."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from pydantic import SecretStr
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.errors import ConfigurationError, MailboxUnavailable

_CONNECT = 3.0


def connect(url: SecretStr, *, wait: float, patience: float = 15.0) -> redis.Redis:
    """Return a client for ``redis://``, ``rediss://`` or ``unix://`` whose calls block for ``wait`` seconds at most.

    An answer may take ``patience`` seconds longer before the link counts as dead; connecting three at most.

    Nothing is sent yet. A failed command is not repeated silently: the caller decides, since a push that is repeated
    after a lost answer puts an id on its lane twice.

    Raises:
        ConfigurationError: the URL has another scheme.
    """
    address = url.get_secret_value()
    if not address.startswith(("redis://", "rediss://", "unix://")):
        raise ConfigurationError("PHAROS_REDIS_URL must begin with redis://, rediss:// or unix://")
    tcp = {} if address.startswith("unix://") else {"socket_keepalive": True, "socket_keepalive_options": _keepalive()}
    return redis.Redis.from_url(
        address,
        socket_timeout=wait + patience,
        socket_connect_timeout=min(_CONNECT, patience),
        retry=Retry(NoBackoff(), 0),
        client_name="pharos",
        **tcp,
    )


def _keepalive() -> dict[int, int]:
    wanted = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
    return {getattr(socket, name): value for name, value in wanted.items() if hasattr(socket, name)}


@contextmanager
def as_ours() -> Iterator[None]:
    """Turn what the driver raises into ``MailboxUnavailable``."""
    try:
        yield
    except (redis.RedisError, OSError) as error:
        raise MailboxUnavailable(cause=type(error).__name__) from error
