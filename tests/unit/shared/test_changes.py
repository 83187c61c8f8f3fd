"""Git's listing of what changed, and paths that are not UTF-8 on their way from it to the ledger."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.changes import Change, changes_of
from shared.ledger.paths import bytes_of, forms_of, text_of


@pytest.mark.parametrize(
    ("listing", "changes"),
    [
        (b"", []),
        (b"M\0b.py\0A\0a.py\0", [Change(path="a.py", status="added"), Change(path="b.py", status="modified")]),
        (b"T\0link\0D\0old\0", [Change(path="link", status="modified"), Change(path="old", status="removed")]),
        (b"R087\0a\0b\0", [Change(path="b", status="renamed", before="a")]),
        (b"C100\0a\0b\0", [Change(path="b", status="added")]),
        (b"U\0Makefile\0M\0Makefile\0", [Change(path="Makefile", status="modified")]),
        (b"X\0Makefile\0M\0b\0", [Change(path="b", status="modified")]),
        (b"A\0na\nme\xe9\0", [Change(path="na\nme\\xe9", status="added")]),
    ],
    ids=["nothing", "sorted", "type-and-gone", "renamed", "copied", "conflict", "unknown-letter", "bytes"],
)
def test_listing_is_read_whole(listing: bytes, changes: list[Change]) -> None:
    """Every letter takes its own paths along and no other's, and every path is told once."""
    assert changes_of(listing) == changes


@given(st.binary(min_size=1, max_size=30).filter(lambda path: 0 not in path and b"\\x" not in path))
def test_path_of_an_answer_is_found_again(path: bytes) -> None:
    """What an answer shows of any path of bytes leads back to these bytes, unless they hold an escape themselves."""
    assert path in forms_of(text_of(path))


@pytest.mark.parametrize(
    ("path", "forms"),
    [
        ("a.py", [b"a.py"]),
        ("caf\\xe9.py", [b"caf\\xe9.py", b"caf\xe9.py"]),
        ("caf\\xc3\\xa9.py", [b"caf\\xc3\\xa9.py"]),
    ],
    ids=["plain", "escaped", "utf-8"],
)
def test_escapes_stand_for_bytes_that_are_not_utf_8(path: str, forms: list[bytes]) -> None:
    """Only what an answer would show so is looked for as bytes; the name as it is written is looked for anyway."""
    assert forms_of(path) == forms
    assert forms_of(path)[0] == bytes_of(path)
