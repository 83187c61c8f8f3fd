"""Programs as chunks: one a symbol."""

from __future__ import annotations

from dataclasses import replace
from time import process_time

import pytest
from chunk_files import assert_whole, chunked, told
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_worker.text.chunker import chunks_of
from edge_worker.text.measure import MOST
from edge_worker.text.shapes.registry import shape_of

_PROGRAM = '''
"""A module."""
import os

# Above.
@cached
def first(a):
    """Do it."""
    def nested():
        return a
    return nested


class Session(Base, metaclass=Meta):
    """Holds it."""

    limit = 3

    # Said of get.
    @property
    def get(self):
        return self.limit

    after = 4

    class Inner:
        x = 1

        def deep(self): ...


LAST = first(1)
'''


def test_each_symbol_is_a_chunk() -> None:
    """Functions, methods, classes without them, and what is between are chunks, decorators and comments included."""
    chunks = chunked("src/app/session.py", "python", _PROGRAM)

    assert told(chunks) == [
        ("module", "", 1, 2),
        ("function", "first", 4, 10),
        ("class", "Session", 13, 16),
        ("method", "Session.get", 18, 21),
        ("class", "Session", 23, 23),
        ("class", "Session.Inner", 25, 26),
        ("method", "Session.Inner.deep", 28, 28),
        ("module", "", 31, 31),
    ]


def test_a_header_says_what_and_where() -> None:
    """A header has the symbol's words, the module's, and what encloses it as it is written."""
    chunks = {chunk.symbol: chunk for chunk in chunked("src/app/http_session.py", "python", _PROGRAM)}

    assert chunks["first"].header == "first in app http session"
    assert chunks["Session.Inner.deep"].header == (
        "session inner deep in app http session\nclass Session(Base, metaclass=Meta): > class Inner:"
    )
    assert chunks[""].header == "app http session"
    assert chunks["first"].content == f"{chunks['first'].header}\n{chunks['first'].text}"


def test_a_long_function_is_cut_between_its_statements() -> None:
    """A function above the limit becomes even pieces of its own symbol, none of which begins inside a statement."""
    body = "".join(f"    # number {n}\n    call_{n}(\n        first_argument_{n},\n    )\n" for n in range(60))
    text = f"def long():\n{body}"

    chunks = chunks_of("a.py", "python", text.encode())

    assert_whole(text, chunks)
    assert len(chunks) > 2
    for chunk in chunks:
        assert chunk.symbol == "long"
        assert len("".join(chunk.text.split())) <= MOST
        assert chunk.text.lstrip().startswith(("def long", "# number"))
    assert chunks[1].header == "long in a\ndef long():"


def test_a_function_up_to_the_limit_stays_whole() -> None:
    """A function of just the limit is one chunk; one character more makes two."""
    text = "def f():\n    a()\n    return " + "x" * (MOST - len("deff():a()return"))

    assert len(chunks_of("a.py", "python", text.encode())) == 1
    assert len(chunks_of("a.py", "python", (text + "x").encode())) == 2


_STUBS = (
    "from typing import overload\n\n@overload\ndef get(a: int) -> int: ...\n@overload\ndef get(a: str) -> str: ...\n"
)


def test_overloads_belong_to_their_implementation() -> None:
    """Stubs and what implements them are one chunk."""
    chunks = chunks_of("a.py", "python", f"{_STUBS}def get(a):\n    return a\n".encode())

    assert told(chunks) == [("module", "", 1, 1), ("function", "get", 3, 8)]


def test_overloads_of_a_long_implementation_are_no_function() -> None:
    """Where stubs and implementation do not fit one chunk, the stubs are the module's: no chunk of theirs is found."""
    body = "".join(f"    value_{n} = compute(a, {n})\n" for n in range(40))

    chunks = chunks_of("a.py", "python", f"{_STUBS}def get(a):\n{body}    return a\n".encode())

    assert told(chunks)[0] == ("module", "", 1, 6)
    assert {(chunk.kind, chunk.symbol) for chunk in chunks[1:]} == {("function", "get")}
    assert chunks[1].start == 7


def test_overloads_that_nothing_implements_stay() -> None:
    """In a file of stubs each declaration is a chunk."""
    assert [chunk.symbol for chunk in chunks_of("a.pyi", "python", _STUBS.encode())] == ["", "get", "get"]


def test_what_does_not_parse_is_lines() -> None:
    """Of a broken file, symbols that can be read are chunks, the rest are lines, and nothing is lost."""
    broken = "".join(f"%% ( [ not a program {n} :::\n" for n in range(6))
    text = f"def good():\n    return 1\n\n\n{broken}\n\nclass Fine:\n    def also(self):\n        return 2\n"

    chunks = chunks_of("a.py", "python", text.encode())

    assert_whole(text, chunks)
    assert "lines" in {chunk.kind for chunk in chunks}
    assert "good" in {chunk.symbol for chunk in chunks}


def test_ids_are_the_contents() -> None:
    """The same file gives the same ids, twins have different ones, and moved lines keep theirs."""
    twins = "def a():\n    return 1\n\n\ndef a():\n    return 1\n"

    first = chunks_of("a.py", "python", twins.encode())
    again = chunks_of("a.py", "python", b"\n\n\n" + twins.encode())
    elsewhere = chunks_of("b.py", "python", twins.encode())

    assert [chunk.id for chunk in first] == [chunk.id for chunk in again]
    assert len({chunk.id for chunk in (*first, *elsewhere)}) == 4
    assert replace(first[0], path="\udcff").id != first[0].id


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"x = 1\0\xff", id="binary"),
        pytest.param(b"x = 1\n" * 200_000, id="large"),
        pytest.param(b"x = 1;" * 10_000, id="minified"),
        pytest.param(b"", id="empty"),
        pytest.param(b"\n \n\t\n", id="blank"),
    ],
)
def test_what_nobody_reads_has_no_chunks(data: bytes) -> None:
    """Binary, large, minified and empty files have no chunks."""
    assert chunks_of("a.py", "python", data) == []


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("def é():\n    return 'ü'\n".encode(), id="utf-8"),
        pytest.param(b"\xef\xbb\xbf" + "def é():\n    return 'ü'\n".encode(), id="mark"),
        pytest.param("def é():\n    return 'ü'\n".encode("utf-16"), id="utf-16"),
        pytest.param("def é():\n    return 'ü'\n".encode("latin-1"), id="latin-1"),
        pytest.param("def é():\r\n    return 'ü'\r\n".encode(), id="crlf"),
        pytest.param("def é():\r    return 'ü'\r".encode(), id="cr"),
    ],
)
def test_every_encoding_is_read(data: bytes) -> None:
    """However a text is encoded and its lines end, its chunk is the same."""
    (chunk,) = chunks_of("a.py", "python", data)

    assert (chunk.symbol, chunk.text, chunk.start, chunk.end) == ("é", "def é():\n    return 'ü'", 1, 2)


def test_a_cookie_is_honoured() -> None:
    """A Python file is decoded as its coding cookie says."""
    (chunk,) = chunks_of("a.py", "python", "# coding: cp1251\ndef f():\n    return 'Привет'\n".encode("cp1251"))

    assert "Привет" in chunk.text


_LINES = st.sampled_from(
    [
        *("def f(a):", "    return 1", "class A(B):", "    def m(self):", "        x = (1,", "        2)", "@overload"),
        *("    @overload", "    def m(self): ...", "# said", '"""', "}", "{", "function f() {", "export class C {", ""),
        *("  m() {", "  }", "const f = () => {", "};", "func (s *S) M() {", "type S struct {", "impl A for B {", "# T"),
        *("template <class T>", "namespace n {", "int f() {", "end", "module A", "<script>", "</script>", "---", "```"),
        *("x = 1; def g(): pass", "\f", "é\u2028ü", "<?php", "===", "%% ((", "  ", "public function m() {", "#[test]"),
    ]
)
_TABLES = ("python", "javascript", "typescript", "tsx", "vue", "astro", "go", "rust", "java", "php", "ruby", "c", "cpp")
_LANGUAGES = (*_TABLES, "markdown", "rst", "text")


@settings(max_examples=300, deadline=None)
@given(st.lists(_LINES, max_size=60), st.sampled_from(_LANGUAGES))
def test_no_line_is_lost(lines: list[str], language: str) -> None:
    """Whatever a file holds, each of its lines that is not blank lies in exactly one chunk, and ids differ."""
    text = "\n".join(lines)

    chunks = chunks_of("folder/file.x", language, text.encode())

    assert_whole(text, chunks)
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    assert chunks == sorted(chunks, key=lambda chunk: chunk.start)


@given(st.binary(max_size=300), st.sampled_from([*_LANGUAGES, None]))
def test_no_content_raises(data: bytes, language: str | None) -> None:
    """Any bytes at all are taken."""
    for chunk in chunks_of("file", language, data):
        assert len(chunk.id) == 32


@pytest.mark.parametrize("language", ["python", "javascript", "cpp"])
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"(" * 19_000 + b"\n" + b"(\n" * 100_000, id="brackets"),
        pytest.param(b"".join(b" " * n + b"class A:\n" for n in range(600)), id="classes-in-classes"),
        pytest.param(b"function f(){\n" * 20_000, id="functions-in-functions"),
        pytest.param(b"def f():\n" + b"  x = 1\n" * 40_000, id="one-function"),
    ],
)
def test_hostile_files_take_bounded_time(language: str, data: bytes) -> None:
    """Deep and broken files end in seconds and without a recursion."""
    began = process_time()

    assert chunks_of("a", language, data)

    assert process_time() - began < 15


def test_every_table_has_a_grammar() -> None:
    """Each language with a table chunks, and names that no registry knows have none."""
    assert all(shape_of("a", language) is not None for language in _TABLES)
    assert shape_of("a", "markdown") is None
