"""Encodings, statuses and hostile files."""

from __future__ import annotations

import codecs
import random
from time import process_time

import pytest

from edge_worker.source.parse.statement import Parsed
from edge_worker.source.reader import parse_imports

NOISE = random.Random(7).randbytes(1_000_000)


@pytest.mark.parametrize(
    "source",
    [
        codecs.BOM_UTF8 + b"import a\n",
        "import a\n".encode("utf-16"),
        codecs.BOM_UTF16_BE + "import a\n".encode("utf-16-be"),
        "import a\n".encode("utf-32"),
        b"# -*- coding: latin-1 -*-\nx = '\xe9'\nimport a\n",
        b"# coding: shift_jis\nx = '\x83\x5c'\nimport a\n",
        b"x = '\xe9'\nimport a\n",
        b"# coding: no-such-codec\nimport a\n",
        b"# coding: punycode\nimport a\n",
        b"import a\r\n\x0c\r\n",
        b"import a\r",
        b"x = 'a\0b'\nimport a\n",
    ],
)
def test_encodings(source: bytes) -> None:
    """An import is found in whatever encoding a file is written."""
    parsed = parse_imports("python", source)

    assert [item.module for item in parsed.imports] == ["a"]


@pytest.mark.parametrize("language", ["python", "javascript", "typescript", "tsx"])
@pytest.mark.parametrize(
    ("source", "status"),
    [
        (b"", "parsed"),
        (b"\n\n", "parsed"),
        (b"x = 1\n", "parsed"),
        (NOISE, "failed"),
        (b"(" * 200_000, "failed"),
        (b"[" * 200_000, "failed"),
        (b"\x7fELF\0\0\xff\xfe\0", "failed"),
    ],
)
def test_status(language: str, source: bytes, status: str) -> None:
    """A file is failed only if nothing in it can be read as a program."""
    assert parse_imports(language, source).status == status


def test_parse_that_takes_too_long_is_stopped() -> None:
    """A parse past its time is failed, and the next file is read as if nothing had happened."""
    stopped = parse_imports("python", b"import a\n" * 20_000, seconds=0)
    after = parse_imports("python", b"import a\n")

    assert stopped == Parsed(imports=(), status="failed")
    assert [item.module for item in after.imports] == ["a"]


def test_a_tree_that_is_slow_to_search_is_given_up() -> None:
    """Imports behind brackets that never close are looked for within the limit, however many there are."""
    began = process_time()

    stopped = parse_imports("javascript", (b"if(" * 20 + b'\nimport("a")\n') * 12_000, seconds=0.5)

    assert stopped.status == "failed"
    assert process_time() - began < 5.0


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("python", b"import a\n" + b"(" * 200_000),
        ("typescript", b"import './a'\n" + b"[" * 200_000),
        ("javascript", b"import './a'\n" + b"export\n" * 100_000 + b"("),
        ("python", b"import a\n" + b"from x import (" * 50_000),
        ("javascript", b"import './a'\n" + b"{" * 3000 + b"require('./b')" + b"}" * 3000),
    ],
)
def test_hostile_text_keeps_what_stands_before_it(language: str, source: bytes) -> None:
    """Text that is deep or repeats without end costs seconds at most, and no import that stands before it."""
    parsed = parse_imports(language, source)

    assert parsed.imports[0].module in {"a", "./a"}


def test_unknown_language_is_a_defect() -> None:
    """A language without a grammar is refused, not taken for an empty file."""
    with pytest.raises(KeyError):
        parse_imports("cobol", b"")
