"""Bytes of a file to the UTF-8 that the grammars read (the grammars are byte-based, so most files pass as they are)."""

from __future__ import annotations

import codecs
import re

# The longer marks first: a UTF-32 LE mark begins with that of UTF-16 LE.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDE_MARKS = tuple(mark for mark, _ in _MARKS)
# PEP 263.
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
# Codecs of text whose cost is linear. A cookie may name anything Python knows, compression and punycode included.
_TEXT_CODECS = ("iso8859", "cp", "koi8", "mac", "gb", "big5", "shift_jis", "euc_", "hz", "iso2022", "utf-7")


def to_utf8(source: bytes) -> bytes:
    """Return the text without its byte order mark, in UTF-8 if it was UTF-16 or UTF-32."""
    if source.startswith(codecs.BOM_UTF8):
        return source[len(codecs.BOM_UTF8) :]
    for mark, codec in _MARKS:
        if source.startswith(mark):
            return source.decode(codec, errors="replace").encode("utf-8", errors="replace")
    return source


def honour_cookie(source: bytes) -> bytes:
    """Return the text in UTF-8 if a coding cookie (PEP 263) in its first two lines names another text codec."""
    for line in source.split(b"\n", 2)[:2]:
        cookie = _COOKIE.match(line)
        if cookie:
            return _decoded(source, cookie[1].decode("ascii", errors="replace"))
    return source


def plain(source: bytes) -> bytes | None:
    """Return a text as the grammars would read it if that takes no decoding, for a scan; None for all others."""
    if b"\0" in source or source.startswith(_WIDE_MARKS):
        return None
    if b"\r" in source and source.count(b"\r") != source.count(b"\r\n"):
        return None
    return source.removeprefix(codecs.BOM_UTF8)


def is_text(source: bytes) -> bool:
    """Return False for what no editor would call text: NUL bytes in something that is not UTF-8 either."""
    if b"\0" not in source:
        return True
    try:
        source.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _decoded(source: bytes, name: str) -> bytes:
    try:
        codec = codecs.lookup(name).name
    except LookupError:
        return source
    if not codec.startswith(_TEXT_CODECS):
        return source
    return source.decode(codec, errors="replace").encode("utf-8", errors="replace")
