"""The script blocks of Vue, Svelte and Astro files: everything else is blanked, so that lines stay where they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from edge_worker.source.parse.text import to_utf8

# What may hold ``<script`` without having a script: a comment, a style sheet, a component's documentation.
_OPENING = re.compile(rb"<!--|<(script|style|docs|i18n|textarea)(?=[\s/>])", re.IGNORECASE)
_VALUE = rb"""\s*=\s*(?P<value>"[^"]*"|'[^']*'|\{[^}]*+\}+|[^\s"'=<>`{]+)"""
_ATTRIBUTE = re.compile(rb"""\s*(?P<name>[^\s"'<>/={}]+|\{[^}]*+\})(?:""" + _VALUE + rb")?")
_TAG_END = re.compile(rb"\s*(/?)>")
_FENCE = re.compile(rb"\A\s*---")
_CLOSING_FENCE = re.compile(rb"^[ \t]*---", re.MULTILINE)
_ADDRESS = re.compile(rb"""(["']?)([^\s"'{}\\/][^\s"'{}\\]*)\1""")
# A script of another type is data: a template, JSON, an import map.
_TYPES = re.compile(rb"module|(?:text|application)/(?:(?:x-)?(?:java|ecma)script|typescript|babel|jsx)", re.IGNORECASE)
# Astro hands these to the browser as they are: their paths are the site's, not the repository's.
_LEFT_ALONE = {b"is:inline", b"define:vars"}
# Longer than any tag that people write.
_LONGEST_TAG = 2000
_BLANKS = bytes(byte if byte in b"\r\n" else 0x20 for byte in range(256))

#: Where the value of an attribute is written, quotes included.
_Attributes = Mapping[bytes, tuple[int, int]]


def scripts(source: bytes) -> bytes:
    """Return the script blocks of a Vue or Svelte file as one program, in UTF-8, in which every line is where it was.

    A block that has its text elsewhere (``src="./x.ts"``) becomes an import of that file.
    """
    text = to_utf8(source)
    return _blanked(text, 0, _blocks(text, 0))


def fenced_scripts(source: bytes) -> bytes:
    """Return the front matter and the script blocks of an Astro file as ``scripts`` does."""
    text = to_utf8(source)
    opening = _FENCE.match(text)
    closing = _CLOSING_FENCE.search(text, opening.end()) if opening else None
    if opening is None or closing is None:
        return _blanked(text, 0, _blocks(text, 0))
    front = _blank(text[: opening.end()]) + text[opening.end() : closing.start()] + b";"
    return front + _blanked(text, len(front), _blocks(text, closing.end()))


def _blanked(text: bytes, start: int, kept: Iterator[tuple[int, bytes]]) -> bytes:
    """Return the text from ``start`` on, blank but for what is kept, which takes as many bytes as it had."""
    parts, done = [], start
    for begin, program in kept:
        parts += [_blank(text[done:begin]), program]
        done = begin + len(program)
    return b"".join((*parts, _blank(text[done:])))


def _blank(text: bytes) -> bytes:
    return text.translate(_BLANKS)


def _blocks(text: bytes, position: int) -> Iterator[tuple[int, bytes]]:
    while opening := _OPENING.search(text, position):
        position = opening.end()
        if opening[1] is None:
            position = _found(text.find(b"-->", position), text)
            continue
        tag = _tag(text, position)
        if tag is None:
            continue
        attributes, position, is_closed = tag
        begin = position
        if not is_closed:
            closing = re.compile(rb"</%b(?=[\s/>])" % opening[1], re.IGNORECASE).search(text, begin)
            position = closing.start() if closing else len(text)
        if opening[1].lower() != b"script" or not _is_program(text, attributes):
            continue
        if b"src" in attributes:
            yield opening.start(), _import(text, opening.start(), begin, attributes[b"src"])
        elif begin < position:
            # A semicolon where the closing tag begins keeps this block's last statement from the next block's first.
            yield begin, text[begin:position] + (b";" if position < len(text) else b"")


def _tag(text: bytes, position: int) -> tuple[_Attributes, int, bool] | None:
    """Read a tag from behind its name: its attributes, where it ends, whether it closes itself; None if it is none."""
    attributes: dict[bytes, tuple[int, int]] = {}
    limit = position + _LONGEST_TAG
    while found := _ATTRIBUTE.match(text, position, limit):
        attributes[found["name"].lower()] = found.span("value")
        position = found.end()
    end = _TAG_END.match(text, position, limit)
    return (attributes, end.end(), bool(end[1])) if end else None


def _is_program(text: bytes, attributes: _Attributes) -> bool:
    start, end = attributes.get(b"type", (0, 0))
    kind = text[start:end].strip(b"\"' ")
    return _LEFT_ALONE.isdisjoint(attributes) and (not kind or _TYPES.fullmatch(kind) is not None)


def _import(text: bytes, begin: int, end: int, value: tuple[int, int]) -> bytes:
    """Write ``import "x";`` over a tag, the address where it stands; a computed or a site's own address is none."""
    tag = bytearray(_blank(text[begin:end]))
    address = _ADDRESS.fullmatch(text, *value)
    if address is not None:
        start, stop = address.start(2) - begin, address.end(2) - begin
        tag[: len(b"import")] = b"import"
        tag[start - 1 : stop + 1] = b'"' + address[2] + b'"'
        if stop + 1 < len(tag):
            tag[-1:] = b";"
    return bytes(tag)


def _found(position: int, text: bytes) -> int:
    return position if position >= 0 else len(text)
