"""Tokens for private repositories: they live on the worker, bound to ``host/owner/*`` and to a tenant."""

from __future__ import annotations

import os
import re
import stat
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from shared.errors import ConfigurationError, InvalidRepository
from shared.repositories import parse_repository

_ANY_TENANT = "*"
_TOKEN = re.compile(r"^[\x21-\x7e]{1,1000}$")


@dataclass(frozen=True, kw_only=True)
class Token:
    """One line of the file: ``prefix`` is ``host/owner/``."""

    prefix: str
    tenant: str
    secret: SecretStr

    def opens(self, repository: str, tenant_id: str) -> bool:
        """Return whether this token is meant for that repository of that tenant."""
        return repository.startswith(self.prefix) and self.tenant in {tenant_id, _ANY_TENANT}


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """All tokens of one worker."""

    tokens: tuple[Token, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Tokens:
        """Read lines ``host/owner/* tenant token``; ``*`` as tenant means any, ``#`` begins a comment line.

        Raises:
            ConfigurationError: the file cannot be read, others may read it too, or a line is wrong. The message names
                the line, never what is in it.
        """
        try:
            with path.open(encoding="utf-8") as lines:
                _refuse_shared(path, os.fstat(lines.fileno()).st_mode)
                numbered = [(number, line.strip()) for number, line in enumerate(lines, start=1)]
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"PHAROS_GIT_TOKENS_FILE: {path} cannot be read.") from error
        used = [(number, line) for number, line in numbered if line and not line.startswith("#")]
        return cls(tokens=tuple(_token(path, number, line) for number, line in used))

    def find(self, repository: str, tenant_id: str) -> SecretStr | None:
        """Return the token for the repository of that canonical name: closest owner first, then the named tenant."""
        fits = [token for token in self.tokens if token.opens(repository, tenant_id)]
        best = max(fits, key=lambda token: (len(token.prefix), token.tenant != _ANY_TENANT), default=None)
        return best.secret if best else None


def header_settings(url: str, token: SecretStr | None) -> dict[str, str]:
    """Return the environment that makes git send ``token`` to ``url`` and to nothing else.

    The environment is the one way that shows it neither in a list of processes nor in a file.
    """
    if token is None:
        return {"GIT_CONFIG_COUNT": "0"}
    basic = encoded(token)
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{url}.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
    }


def encoded(token: SecretStr) -> str:
    """Return the token as HTTP carries it (RFC 7617, with the user name that all four known hosts take)."""
    return b64encode(f"x-access-token:{token.get_secret_value()}".encode()).decode()


def _refuse_shared(path: Path, mode: int) -> None:
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise ConfigurationError(f"PHAROS_GIT_TOKENS_FILE: {path} can be read by other users. Run: chmod 600 '{path}'")


def _token(path: Path, number: int, line: str) -> Token:
    words = line.split()
    where = f"PHAROS_GIT_TOKENS_FILE: line {number} of {path}"
    if len(words) != 3 or not words[0].endswith("/*") or not _TOKEN.fullmatch(words[2]):
        raise ConfigurationError(f"{where} is not of the form 'host/owner/* tenant token'.")
    scope, tenant, secret = words
    host = scope.split("/")[0].lower()
    try:
        example = parse_repository(f"https://{scope.removesuffix('*')}x", hosts=(host,))
    except InvalidRepository as error:
        raise ConfigurationError(f"{where} does not begin with host/owner/*.") from error
    return Token(prefix=example.name.removesuffix("x"), tenant=tenant, secret=SecretStr(secret))
