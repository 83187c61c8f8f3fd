"""Names out of strangers' repositories, as a line, a terminal and another program's arguments can take them."""

from __future__ import annotations

import re
from functools import cache

#: What would break a line, drive a terminal, turn its text around, or is a byte that is not UTF-8.
UNFIT = r"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
_ESCAPES = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
#: A name that begins otherwise may be an option, a file of options, or a sign of some shell.
_HARMLESS = re.compile(r"[\w./]")


@cache
def shown(name: str) -> str:
    """Return a name that fits on one line of ASCII or UTF-8 and means one name alone."""
    # Nearly all are such, and need no pattern.
    if name.isascii() and name.isprintable() and "\\" not in name:
        return name
    # The sign of an escape itself is one more that must be written otherwise.
    return _signs(rf"[\\{UNFIT}]").sub(lambda found: _escaped(found[0]), name)


def retold(name: str) -> str:
    """Return a name out of an answer, fit for one line: the answer has shown bytes that are not UTF-8 already."""
    return _signs(f"[{UNFIT}]").sub(lambda found: _escaped(found[0]), name)


def as_argument(path: str) -> str:
    """Return a path out of an answer that is also no option to a program that is given it, whatever its name."""
    named = retold(path)
    return named if _HARMLESS.match(named) else f"./{named}"


@cache
def _signs(pattern: str) -> re.Pattern[str]:
    """Return a pattern that takes as long to make as a hundred files to name."""
    return re.compile(pattern)


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8 (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    return _ESCAPES.get(character) or (f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}")
