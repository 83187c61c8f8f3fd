"""Secrets never stand in a log, wherever they came from."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from pydantic import SecretStr
from structlog.testing import capture_logs

from shared.logs import configure_logs, get_logger

CANARY = "canary-0123456789"
URL = f"postgresql://app:{CANARY}@db.example/pharos"

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    """Logging as a process sets it up; calling it returns what was logged."""
    structlog.reset_defaults()
    yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    structlog.reset_defaults()


class _Words:
    """Something that shows itself."""

    def __str__(self) -> str:
        return f"words about {URL}"


@pytest.mark.parametrize(
    "field",
    [
        {"url": URL},
        {"cause": RuntimeError(f"no route to {URL}")},
        {"args": ["git", "fetch", URL]},
        {"pair": (1, URL)},
        {"environment": {"inner": {"deep": [URL]}}},
        {"headers": {"Authorization": f"Bearer {CANARY}"}},
        {"Authorization": f"Bearer {CANARY}"},
        {"worker_token": CANARY},
        {"token": SecretStr(CANARY)},
        {"secret": SecretStr(CANARY)},
        {"PGPASSWORD": CANARY},
        {"set_cookie": CANARY},
        {"qdrant_api_key": CANARY},
        {"raw": URL.encode()},
        {"thing": _Words()},
        {"names": {URL}},
        {URL: 1} | {"url": "https://user:" + CANARY + "@github.com/a/b"},
        {"url": f"redis://:half@{CANARY}@host/0"},
    ],
    ids="-".join,
)
def test_canary_is_redacted_without_being_known(lines: Lines, field: dict[str, Any]) -> None:
    """A secret that no setting named is hidden by its field's name or by its place in an address."""
    configure_logs("info")

    get_logger("room").info("asked", **{key: value for key, value in field.items() if CANARY not in key})

    (line,) = lines()
    assert CANARY not in json.dumps(line)
    assert "[redacted]" in json.dumps(line)


@pytest.mark.parametrize("shape", ["plain", "in_words", "list", "dict_key", "error", "event"])
def test_known_secret_is_redacted_everywhere(lines: Lines, shape: str) -> None:
    """The value of a secret setting is hidden in whatever shape it comes."""
    configure_logs("info", [CANARY])
    shapes: dict[str, Any] = {
        "plain": CANARY,
        "in_words": f"it was {CANARY}!",
        "list": [[CANARY]],
        "dict_key": {CANARY: 1},
        "error": ValueError(CANARY),
        "event": 1,
    }

    get_logger("room").info(f"saw {CANARY}" if shape == "event" else "saw", field=shapes[shape])

    assert CANARY not in json.dumps(lines())


def test_traceback_is_redacted(lines: Lines) -> None:
    """A traceback is one field, and what an error said in it is cleaned too."""
    configure_logs("info", [CANARY])

    try:
        raise RuntimeError(f"could not open {URL} with {CANARY}")
    except RuntimeError:
        get_logger("room").exception("failed")

    (line,) = lines()
    assert "RuntimeError" in line["exception"]
    assert CANARY not in json.dumps(line)


def test_short_values_hide_nothing(lines: Lines) -> None:
    """A secret too short to be one does not blot out common words."""
    configure_logs("info", ["a", ""])

    get_logger("room").info("started", what="a banana")

    assert lines()[0]["what"] == "a banana"


def test_event_is_one_line_of_json(lines: Lines) -> None:
    """Line breaks and terminal colours in a value do not make a line of their own."""
    configure_logs("info")

    get_logger("room").warning("seen", path="a\nb\x1b[31m", count=3, share=0.5, known=None, ok=True, parts=(1, 2))

    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "seen",
        "level": "warning",
        "room": "room",
        "path": "a\nb\x1b[31m",
        "count": 3,
        "share": 0.5,
        "known": None,
        "ok": True,
        "parts": [1, 2],
    }


def test_level_silences_what_is_below(lines: Lines) -> None:
    """At level warning an info event costs nothing and is nowhere."""
    configure_logs("warning")

    get_logger("room").info("quiet")
    get_logger("room").warning("loud")

    assert [line["event"] for line in lines()] == ["loud"]


def test_rooms_are_told_apart() -> None:
    """Each event names the room that it comes from."""
    with capture_logs() as entries:
        get_logger("one.room").info("seen")

    assert entries[0]["room"] == "one.room"


def test_what_a_library_says_is_redacted(lines: Lines) -> None:
    """A driver's warning is a line of ours, with the password of the URL that it quotes hidden."""
    configure_logs("info", [URL])

    logging.getLogger("psycopg.pool").warning("error connecting: missing = after %r", URL)

    (line,) = lines()
    assert (line["event"], line["room"], line["level"]) == ("library_said", "psycopg.pool", "warning")
    assert CANARY not in json.dumps(line)
