"""What an ``import()`` is by its line: a call, or how TypeScript writes the type of a module."""

from __future__ import annotations

import re

from edge_worker.source.languages.javascript.nesting import Place
from edge_worker.source.languages.javascript.written import is_type_behind
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
# The first of several parameters; the parenthesis may be on the line above.
_PARAMETER = re.compile(
    rb"(?:(\()|\A)\s*(?:\.\.\.)?(?:(?:public|private|protected|readonly|override)\s+)*[\w$]+\s*\??\s*:\s*\Z"
)
# An argument of a type, and what an expression cannot have behind a sign of comparison.
_ARGUMENT = re.compile(rb"[\w$]<[\w\s$.|\[\]]*,\s*\Z")
_LAST_ARGUMENT = re.compile(rb"\s*\)(?:\s*\.\s*[\w$]+)+\s*>\s*[;,)\]}]")


def is_type(text: bytes, line: int, at: int, end: int) -> bool:
    """Return whether an ``import()`` on the line that begins at ``line`` is a type, whatever stands around the line.

    ``end`` is where its argument does. False means that more must be known.
    """
    if is_type_behind(text, at):
        return True
    before = text[line:at]
    parameter = _PARAMETER.search(before)
    if parameter is not None and (parameter[1] or _opens_parameters(text, line)):
        return True
    return _ARGUMENT.search(before) is not None and _LAST_ARGUMENT.match(text, end) is not None


def _opens_parameters(text: bytes, line: int) -> bool:
    above = text[text.rfind(b"\n", 0, max(line - 1, 0)) + 1 : line].rstrip()
    return above.endswith(b"(") and b"//" not in above and b"*" not in above


def kind_of_call(text: bytes, before: bytes, end: int, place: Place) -> str:
    """Return the kind of an ``import()`` whose argument ends at an offset, ``before`` being its line up to it.

    Raises:
        Doubt: it may be either.
    """
    if _ANNOTATION.search(before) and (place.in_parentheses or place.returns):
        raise Doubt
    is_member = _MEMBER.match(text, end) is not None
    if place.is_type or (is_member and _DECLARATION.search(before)):
        return TYPE_ONLY
    if before.endswith(_TYPE_SIGNS) or is_member:
        raise Doubt
    return DYNAMIC
