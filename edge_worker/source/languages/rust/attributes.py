"""What stands before a Rust item: its visibility, and the attributes that decide whether and where it is."""

from __future__ import annotations

import re
from typing import NamedTuple

# Longer than the attributes of an item are; what is before that is not looked at.
_BEFORE = 600
_VISIBILITY = re.compile(rb"(?<![\w#])pub(?:\s*\([^()]{0,100}\))?\s*$")
_PATH = re.compile(rb'\bpath\s*=\s*"([^"\n]{1,1000})"')


class Attributes(NamedTuple):
    """``paths`` are those of ``#[path]``; an empty one among them stands for the custom."""

    public: bool
    conditional: bool
    paths: tuple[str, ...]


def attributes(code: bytes, source: bytes, start: int) -> Attributes:
    """Return what stands before the item at ``start``; ``code`` is ``source`` with its comments and strings blank."""
    # No attribute goes on over the end of another item.
    first = max(0, start - _BEFORE, code.rfind(b";", max(0, start - _BEFORE), start) + 1)
    head = code[first:start].rstrip()
    public = _VISIBILITY.search(head)
    if public:
        head = head[: public.start()].rstrip()
    conditional = False
    plain: list[str] = []
    chosen: list[str] = []
    while head.endswith(b"]"):
        begin = _opening(head)
        if begin is None:
            break
        text = source[first + begin : first + len(head)].lstrip(b"[ \t\r\n")
        if text.startswith(b"path"):
            plain += _paths(text)
        elif text.startswith(b"cfg"):
            conditional = True
            chosen += _paths(text)
        head = head[:begin].rstrip().removesuffix(b"#").rstrip()
    paths = plain or ([*chosen, ""] if chosen else [])
    return Attributes(public=public is not None, conditional=conditional, paths=tuple(paths))


def _opening(head: bytes) -> int | None:
    """Return where the bracket opens that the text's last byte closes."""
    depth = 0
    for offset in range(len(head) - 1, -1, -1):
        depth += (head[offset] == 0x5D) - (head[offset] == 0x5B)
        if not depth:
            return offset
    return None


def _paths(text: bytes) -> list[str]:
    return [found.decode("utf-8", errors="replace") for found in _PATH.findall(text)]
