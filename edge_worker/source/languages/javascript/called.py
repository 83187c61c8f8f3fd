"""What an ``import()`` is by its line: a call, or how TypeScript writes the type of a module."""

from __future__ import annotations

import re

from edge_worker.source.languages.javascript.nesting import Place
from edge_worker.source.languages.javascript.written import TYPE_BEFORE
from edge_worker.source.parse.doubt import Doubt
from edge_worker.source.parse.statement import DYNAMIC, TYPE_ONLY

# Behind these it may be a type.
_TYPE_SIGNS = (b":", b"|", b"&", b" in")
_MEMBER = re.compile(rb"\s*\)\s*(?:\.(?!then\b|catch\b|finally\b)|\[|\?)")
_ANNOTATION = re.compile(rb":\s*(?:typeof)?\Z")
# What is annotated for certain: neither a label nor a key of an object.
_DECLARATION = re.compile(
    rb"(?<![\w$.])(?:let|const|var|declare|static|readonly|private|protected|public)\s+[\w$]+\s*[?!]?\s*:\Z"
)


def kind_of_call(text: bytes, before: bytes, end: int, place: Place) -> str:
    """Return the kind of an ``import()`` whose argument ends at an offset, ``before`` being its line up to it.

    Raises:
        Doubt: it may be either.
    """
    if _ANNOTATION.search(before) and (place.in_parentheses or place.returns):
        raise Doubt
    is_member = _MEMBER.match(text, end) is not None
    if place.is_type or TYPE_BEFORE.search(before) or (is_member and _DECLARATION.search(before)):
        return TYPE_ONLY
    if before.endswith(_TYPE_SIGNS) or is_member:
        raise Doubt
    return DYNAMIC
