"""Where the mailbox is: one address, or two where port 6379 may be blocked."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import SecretStr

from shared.errors import ConfigurationError

_SOCKETS = ("redis://", "rediss://", "unix://")


@dataclass(frozen=True, kw_only=True)
class RestAddress:
    """Upstash's REST endpoint and the token that opens it."""

    url: str
    token: SecretStr


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """A socket, a REST endpoint, or both: then the socket is tried first."""

    socket: SecretStr | None
    rest: RestAddress | None


def find_addresses(redis_url: SecretStr | None, rest_url: str | None, token: SecretStr | None) -> Addresses | None:
    """Return where the settings say that the mailbox is, or ``None`` when they name no place.

    Raises:
        ConfigurationError: they do not fit together; the message names the variable, never its value.
    """
    address = redis_url.get_secret_value() if redis_url is not None else ""
    if address.startswith(("https://", "http://")):
        if rest_url is not None:
            raise ConfigurationError("PHAROS_REDIS_URL is a REST address already. Unset PHAROS_REDIS_REST_URL")
        return Addresses(socket=None, rest=rest_address("PHAROS_REDIS_URL", address, token))
    if redis_url is not None and not address.startswith(_SOCKETS):
        raise ConfigurationError("PHAROS_REDIS_URL must begin with redis://, rediss://, unix:// or https://")
    rest = rest_address("PHAROS_REDIS_REST_URL", rest_url, token) if rest_url is not None else None
    return Addresses(socket=redis_url, rest=rest) if redis_url is not None or rest is not None else None


def rest_address(variable: str, url: str, token: SecretStr | None) -> RestAddress:
    """Return a REST endpoint that may be asked: over TLS, or on this machine.

    Raises:
        ConfigurationError: the address or the token cannot be used.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigurationError(f"{variable} is not an address that can be read") from None
    if not host or parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ConfigurationError(f"{variable} must be https:// and a host; its token belongs in PHAROS_REDIS_TOKEN")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise ConfigurationError(f"{variable} must begin with https://, since the token would be readable on the way")
    if token is None:
        raise ConfigurationError(f"PHAROS_REDIS_TOKEN is not set. {variable} needs it")
    word = token.get_secret_value()
    if not (word.isascii() and word.isprintable() and " " not in word):
        raise ConfigurationError("PHAROS_REDIS_TOKEN has a character that no token has")
    return RestAddress(url=url.rstrip("/"), token=token)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
