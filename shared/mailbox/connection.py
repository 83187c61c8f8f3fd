"""The way to Redis: one client for each scheme of its URL."""

from __future__ import annotations

import socket
from typing import Any

import redis
from pydantic import SecretStr
from redis._parsers import _HiredisParser
from redis.backoff import NoBackoff
from redis.connection import HiredisRespSerializer
from redis.retry import Retry

from shared.mailbox.addresses import RestAddress, find_addresses
from shared.mailbox.link import LARGEST, Link, Meter, as_ours
from shared.mailbox.rest import connect_rest

__all__ = ["as_ours", "connect", "connect_address"]

_CONNECT = 3.0


def connect(
    url: SecretStr, *, wait: float, patience: float = 15.0, token: SecretStr | None = None, meter: Meter | None = None
) -> Link:
    """Return a client for ``redis://``, ``rediss://``, ``unix://`` or ``https://`` with a ``token``.

    Over a socket its calls block for ``wait`` seconds at most. An answer may take ``patience`` seconds longer before
    the link counts as dead; connecting three at most. ``meter`` counts what is sent.

    Nothing is sent yet. A failed command is not repeated silently: the caller decides, since a push that is repeated
    after a lost answer puts an id on its lane twice.

    Raises:
        ConfigurationError: the URL has another scheme, or needs a token.
    """
    found = find_addresses(url, None, token)
    assert found is not None
    where = found.socket or found.rest
    assert where is not None
    return connect_address(where, wait=wait, patience=patience, meter=meter or Meter())


def connect_address(where: SecretStr | RestAddress, *, wait: float, patience: float, meter: Meter) -> Link:
    """Return a client for an address that was looked at already."""
    if isinstance(where, RestAddress):
        return connect_rest(where, patience=patience, meter=meter)
    address = where.get_secret_value()
    local = address.startswith("unix://")
    tcp = {} if local else {"socket_keepalive": True, "socket_keepalive_options": _keepalive()}
    pool = redis.ConnectionPool.from_url(
        address,
        socket_timeout=wait + patience,
        socket_connect_timeout=min(_CONNECT, patience),
        retry=Retry(NoBackoff(), 0),
        # The oldest protocol and no name: a new connection costs one command, or none without a password.
        protocol=2,
        driver_info=None,
        command_packer=_CountingPacker(meter),
        parser_class=_BoundedParser,
        **tcp,
    )
    return Link(pool, transport="unix" if local else "tcp", meter=meter)


class _CountingPacker:
    """Packs commands as redis-py does, and counts them: every one passes here, those of the handshake too."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._packer = HiredisRespSerializer()

    def pack(self, *command: Any) -> object:
        """Return a command as it goes over the wire."""
        self._meter.add(1)
        return self._packer.pack(*command)


class _BoundedParser(_HiredisParser):
    """Hangs up on an entry that is larger than anything the mailbox holds, instead of reading it to its end."""

    def read_from_socket(self, *arguments: object, **options: object) -> bool:
        """Read what is there."""
        read = bool(super().read_from_socket(*arguments, **options))  # type: ignore[no-untyped-call]  # redis-py's
        reader = self._reader
        if reader is not None and reader.len() > LARGEST:
            raise redis.ConnectionError(f"an entry is larger than {LARGEST} bytes")
        return read


def _keepalive() -> dict[int, int]:
    wanted = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
    return {getattr(socket, name): value for name, value in wanted.items() if hasattr(socket, name)}
