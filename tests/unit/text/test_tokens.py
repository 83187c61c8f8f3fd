"""The one tokenizer."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.words import MAX_TOKEN_BYTES, name_words, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("getAuthFromURL", ["getauthfromurl", "get", "auth", "url"], id="camel"),
        pytest.param("get_auth_from_url", ["getauthfromurl", "get", "auth", "url"], id="snake"),
        pytest.param("HTTPServer2", ["httpserver2", "http", "server"], id="capitals-and-digits"),
        pytest.param(
            "sha256 userIDs", ["sha256", "sha", "256", "userids", "user", "id"], id="digits-and-plural-capitals"
        ),
        pytest.param("caches cached caching cache", ["cach"] * 4, id="stems"),
        pytest.param(
            "policies processes indexes running need", ["policy", "process", "index", "run", "need"], id="ends"
        ),
        pytest.param("where is the session kept?", ["session", "kept"], id="stop-words"),
        pytest.param("where", ["where"], id="nothing-but-stop-words"),
        pytest.param("cafe\u0301 café 数据", ["café", "café", "数", "据"], id="not-ascii"),
        pytest.param("na\udcffme \x00 \U0001f600", ["na", "me"], id="surrogates-and-signs"),
        pytest.param("", [], id="empty"),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    """A text is cut into whole identifiers and their parts, stemmed, without stop words."""
    assert words(text) == expected


def test_a_name_is_said_in_full() -> None:
    """A name's words are all there, in order, as they are written."""
    assert name_words("Session.get_authFromURLs") == ["session", "get", "auth", "from", "urls"]
    assert name_words("src/requests/__init__.py") == ["src", "requests", "init", "py"]


@given(st.text(st.characters()))
def test_no_token_is_too_long_or_unclean(text: str) -> None:
    """Whatever is written, each token is short, in lower case, and UTF-8 can hold it."""
    for word in words(text):
        assert 0 < len(word.encode("utf-8")) <= MAX_TOKEN_BYTES
        assert "\0" not in word


@given(st.from_regex(r"[a-z]{2,8}(_[a-z]{2,8}){1,4}", fullmatch=True))
def test_the_spelling_of_a_name_does_not_matter(name: str) -> None:
    """A name in snake case and in camel case gives the same words."""
    head, *rest = name.split("_")

    assert words(name) == words(head + "".join(part.capitalize() for part in rest))


@pytest.mark.parametrize(
    "unit",
    [
        pytest.param("a", id="one-word"),
        pytest.param("aB", id="one-name"),
        pytest.param("_", id="joiners"),
        pytest.param("a\u0301\u0316", id="accents"),
        pytest.param("数", id="signs"),
    ],
)
def test_hostile_text_takes_no_longer_than_other_text(unit: str) -> None:
    """Half a million characters of anything take a second or two, not the square of their number."""
    began = process_time()

    words(unit * (500_000 // len(unit)))

    assert process_time() - began < 5


def test_a_key_written_as_text_is_no_word() -> None:
    """What is longer than any name is left out, and what stands beside it is not."""
    assert words("token = " + "A1b2" * 100) == ["token"]
