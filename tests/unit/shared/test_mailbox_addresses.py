"""Where the mailbox is: which settings fit together, and how one that does not is told."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from shared.errors import ConfigurationError
from shared.mailbox.addresses import find_addresses

TOKEN = "canary-token"
HTTPS = "https://calm-owl-12345.upstash.io"


def _find(
    redis_url: str | None, rest_url: str | None = None, token: str | None = None
) -> tuple[str | None, str | None]:
    found = find_addresses(SecretStr(redis_url) if redis_url else None, rest_url, SecretStr(token) if token else None)
    assert found is not None
    socket = found.socket.get_secret_value() if found.socket is not None else None
    return socket, found.rest.url if found.rest is not None else None


@pytest.mark.parametrize("url", ["redis://a:6379/0", "rediss://:x@a:6379", "unix:///tmp/redis.sock"])
def test_a_socket_needs_nothing_else(url: str) -> None:
    """A socket's address stands alone; a token beside it harms nothing."""
    assert _find(url) == (url, None)
    assert _find(url, token=TOKEN) == (url, None)


@pytest.mark.parametrize(
    "url",
    [
        HTTPS,
        f"{HTTPS}/",
        "https://redis.example.org/pharos",
        "http://127.0.0.1:8079",
        "http://localhost:8079",
        "http://[::1]:80",
    ],
)
def test_rest_stands_alone_or_beside_a_socket(url: str) -> None:
    """An https:// address, or one of this machine, is taken under either name."""
    wanted = url.rstrip("/")

    assert _find(url, token=TOKEN) == (None, wanted)
    assert _find(None, url, TOKEN) == (None, wanted)
    assert _find("rediss://a:6379", url, TOKEN) == ("rediss://a:6379", wanted)


def test_nothing_is_no_place() -> None:
    """Without an address there is no mailbox."""
    assert find_addresses(None, None, None) is None
    assert find_addresses(None, None, SecretStr(TOKEN)) is None


@pytest.mark.parametrize(
    ("redis_url", "rest_url", "token", "says"),
    [
        (HTTPS, None, None, "PHAROS_REDIS_TOKEN is not set. PHAROS_REDIS_URL needs it"),
        (None, HTTPS, None, "PHAROS_REDIS_TOKEN is not set. PHAROS_REDIS_REST_URL needs it"),
        ("redis://a", HTTPS, None, "PHAROS_REDIS_TOKEN is not set. PHAROS_REDIS_REST_URL needs it"),
        (HTTPS, HTTPS, TOKEN, "PHAROS_REDIS_URL is a REST address already. Unset PHAROS_REDIS_REST_URL"),
        ("http://redis.example.org", None, TOKEN, "PHAROS_REDIS_URL must begin with https://"),
        ("http://10.0.0.7:8079", None, TOKEN, "PHAROS_REDIS_URL must begin with https://"),
        ("http://127.0.0.1.example.org", None, TOKEN, "PHAROS_REDIS_URL must begin with https://"),
        (None, "http://redis.example.org", TOKEN, "PHAROS_REDIS_REST_URL must begin with https://"),
        ("ftp://a", None, None, "PHAROS_REDIS_URL must begin with redis://"),
        ("localhost:6379", None, None, "PHAROS_REDIS_URL must begin with redis://"),
        ("https://canary:word@a.example.org", None, TOKEN, "its token belongs in PHAROS_REDIS_TOKEN"),
        ("https://a.example.org?_token=canary", None, TOKEN, "its token belongs in PHAROS_REDIS_TOKEN"),
        ("https://", None, TOKEN, "PHAROS_REDIS_URL must be https:// and a host"),
        ("https://[", None, TOKEN, "PHAROS_REDIS_URL is not an address that can be read"),
        ("https://a:port", None, TOKEN, "PHAROS_REDIS_URL is not an address that can be read"),
        (HTTPS, None, "canary token", "PHAROS_REDIS_TOKEN has a character"),
        (HTTPS, None, "canary\n", "PHAROS_REDIS_TOKEN has a character"),
        (HTTPS, None, "canary-é", "PHAROS_REDIS_TOKEN has a character"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_one_line(
    redis_url: str | None, rest_url: str | None, token: str | None, says: str
) -> None:
    """A combination that cannot work names its variable, and shows neither address nor token."""
    with pytest.raises(ConfigurationError) as error:
        _find(redis_url, rest_url, token)

    assert says in error.value.message
    assert "canary" not in error.value.message
    assert "\n" not in error.value.message
