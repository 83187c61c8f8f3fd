"""Tokens for private repositories: who gets which, and what refuses to be read."""

from __future__ import annotations

import os
from base64 import b64decode
from pathlib import Path

import pytest
from pydantic import SecretStr

from edge_worker.source.credentials import Tokens, header_settings
from shared.errors import ConfigurationError

SECRET = "ghp_0123456789abcdef"


def tokens_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    """Return a tokens file with that text."""
    path = folder / "tokens"
    path.write_text(text)
    path.chmod(mode)
    return path


def found(tokens: Tokens, repository: str, tenant: str) -> str | None:
    """Return the plain token for a repository of a tenant."""
    secret = tokens.find(repository, tenant)
    return secret.get_secret_value() if secret else None


@pytest.mark.parametrize(
    ("repository", "tenant", "expected"),
    [
        ("github.com/acme/app", "t1", "acme-t1"),
        ("github.com/acme/app", "t2", "acme-any"),
        ("github.com/acme-evil/app", "t1", None),
        ("github.com/other/app", "t1", None),
        ("gitlab.com/acme/app", "t1", None),
        ("gitlab.com/group/app", "t1", "group"),
        ("gitlab.com/group/sub/app", "t1", "sub"),
        ("gitlab.com/group/sub/app", "t2", None),
        ("local:/srv/acme/app", "t1", None),
    ],
)
def test_a_token_serves_its_owner_and_tenant_alone(
    tmp_path: Path, repository: str, tenant: str, expected: str | None
) -> None:
    """The closest owner wins, then the named tenant; nothing else is ever given out."""
    tokens = Tokens.read(
        tokens_file(
            tmp_path,
            "# comment\n\n"
            "github.com/Acme/* * acme-any\n"
            "github.com/Acme/* t1 acme-t1\n"
            "gitlab.com/group/* t1 group\n"
            "gitlab.com/group/sub/* t1 sub\n",
        )
    )

    assert found(tokens, repository, tenant) == expected


@pytest.mark.parametrize(
    "line",
    [
        f"github.com/* t1 {SECRET}",
        f"*/acme/* t1 {SECRET}",
        f"github.com/acme t1 {SECRET}",
        f"github.com/acme/* {SECRET}",
        f"github.com/acme/* t1 {SECRET} more",
        f"http://github.com/acme/* t1 {SECRET}",
        f"github.com/acme/* t1 {SECRET}\u00e9",
        f"git..hub/acme/* t1 {SECRET}",
    ],
)
def test_a_wrong_line_is_named_by_number_and_never_shown(tmp_path: Path, line: str) -> None:
    """A line that binds a token to anything but host/owner/* stops the worker, and the message holds no token."""
    path = tokens_file(tmp_path, f"# first\n{line}\n")

    with pytest.raises(ConfigurationError, match="line 2") as refused:
        Tokens.read(path)

    assert SECRET not in str(refused.value)


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """A tokens file must be for its owner alone, and the message has the command that makes it so."""
    path = tokens_file(tmp_path, f"github.com/acme/* * {SECRET}\n", mode)

    with pytest.raises(ConfigurationError, match="chmod 600"):
        Tokens.read(path)


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    """A path that leads nowhere names the setting."""
    with pytest.raises(ConfigurationError, match="PHAROS_GIT_TOKENS_FILE"):
        Tokens.read(tmp_path / "absent")


def test_the_header_is_bound_to_one_address() -> None:
    """Git is told to send the token below one URL, encoded as HTTP's basic scheme wants it."""
    settings = header_settings("https://github.com/acme/app", SecretStr(SECRET))

    scheme, _, basic = settings["GIT_CONFIG_VALUE_0"].removeprefix("Authorization: ").partition(" ")

    assert settings["GIT_CONFIG_KEY_0"] == "http.https://github.com/acme/app.extraHeader"
    assert (scheme, b64decode(basic)) == ("Basic", f"x-access-token:{SECRET}".encode())


def test_a_token_shows_itself_to_no_log(tmp_path: Path) -> None:
    """The text of a set of tokens holds none of them."""
    tokens = Tokens.read(tokens_file(tmp_path, f"github.com/acme/* * {SECRET}\n"))

    assert SECRET not in repr(tokens)
