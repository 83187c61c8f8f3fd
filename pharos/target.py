"""Which control plane a command talks to, and with which token."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pharos.connection import running_stack
from shared.errors import ConfigurationError, Unauthorized

_CHECKOUT = Path(__file__).resolve().parents[1]

_UNKNOWN = (
    "No control plane is known: no stack of yours runs here, and PHAROS_CONTROL_URL is not set. Nothing was done. "
    "Start one: pharos up"
)
_UNSIGNED = (
    "There is no token for {url}. Nothing was sent. Set PHAROS_ADMIN_TOKEN, or give its file by --token-file "
    "('-' reads it from standard input)."
)


@dataclass(frozen=True, kw_only=True)
class Target:
    """A control plane and the token for people."""

    url: str
    token: str
    #: Where the address comes from, for people.
    source: str

    def __repr__(self) -> str:
        return f"Target(url={self.url!r}, source={self.source!r})"


@dataclass(frozen=True, kw_only=True)
class _Found:
    source: str
    url: str | None = None
    token: str | None = None


def default_base(environment: Mapping[str, str]) -> Path:
    """Return the folder in which ``pharos up`` keeps its stack: PHAROS_FOLDER, else one for this checkout or user."""
    if given := environment.get("PHAROS_FOLDER"):
        return Path(given)
    if (_CHECKOUT / "pyproject.toml").is_file():
        return _CHECKOUT / ".pharos"
    return Path.home() / ".local" / "share" / "pharos" / "stack"


def find_target(environment: Mapping[str, str], *, url: str | None = None, token_file: Path | None = None) -> Target:
    """Return the control plane to talk to: from flags, else the environment, else the configuration file, else the
    stack that runs on this machine. A kept token is sent to the address that it was kept with, and to no other.

    Raises:
        ConfigurationError: none is known, or the configuration file cannot be used.
        Unauthorized: there is no token for it.
    """
    flags = _Found(source="--url", url=url, token=_read_token(token_file) if token_file else None)
    variables = _Found(
        source="PHAROS_CONTROL_URL",
        url=environment.get("PHAROS_CONTROL_URL") or None,
        token=environment.get("PHAROS_ADMIN_TOKEN") or None,
    )
    asked = flags.url or variables.url
    kept = [_configured(environment)]
    if asked is None and kept[0].url is None:
        kept.append(_local(environment))
    place = next((one for one in (flags, variables, *kept) if one.url), None)
    if place is None or place.url is None:
        raise ConfigurationError(_UNKNOWN)
    address = _address(place.url)
    fitting = [flags, variables, *(one for one in kept if one.url and _address(one.url) == address)]
    if place.source == "the running stack":
        fitting = [flags, place]
    token = next((one.token for one in fitting if one.token), None)
    if token is None:
        raise Unauthorized(_UNSIGNED.format(url=address))
    return Target(url=address, token=token, source=place.source)


def config_path(environment: Mapping[str, str]) -> Path:
    """Return where the configuration file stands, whether it exists or not."""
    home = environment.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "pharos" / "config.toml"


def _address(url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise ConfigurationError(
            "The address of a control plane begins with https:// or http://. Nothing was sent. Correct --url or "
            "PHAROS_CONTROL_URL."
        )
    return url.rstrip("/")


def _read_token(file: Path) -> str:
    try:
        text = sys.stdin.readline() if str(file) == "-" else file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"The token file {file} cannot be read ({error.strerror}). Nothing was sent."
        ) from error
    if not text.strip():
        raise ConfigurationError(f"The token file {file} is empty. Nothing was sent.")
    return text.strip()


def _configured(environment: Mapping[str, str]) -> _Found:
    path = config_path(environment)
    if not path.is_file():
        return _Found(source=str(path))
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{path} cannot be read as TOML. Nothing was sent. Correct it or move it away."
        ) from error
    url, token = values.get("url"), values.get("token")
    if not all(value is None or isinstance(value, str) for value in (url, token)):
        raise ConfigurationError(f"'url' and 'token' in {path} must be strings. Nothing was sent.")
    if token and sys.platform != "win32" and path.stat().st_mode & 0o077:
        raise ConfigurationError(
            f"{path} holds a token and others can read it. Nothing was sent. Run: chmod 600 {path}"
        )
    return _Found(source=str(path), url=url, token=token)


def _local(environment: Mapping[str, str]) -> _Found:
    running = running_stack(default_base(environment).absolute())
    if running is None:
        return _Found(source="the running stack")
    return _Found(source="the running stack", url=running.url, token=running.token)
