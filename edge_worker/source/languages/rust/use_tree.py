"""The tree of a ``use``, flattened."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_worker.source.languages.rust.words import DEEPEST, LONGEST

_WORD = re.compile(r"::|[{},*]|\bas\b|(?:r#|\$)?\w+")


def leaves(text: str) -> Iterator[tuple[list[str], str]]:
    """Yield each path that a use tree names, and the name it gets here (empty for ``*`` and ``_``).

    A path ends in ``*`` for a glob; ``{self}`` is the path before it. A path from the outermost begins with ``""``.
    """
    stack: list[list[str]] = []
    path: list[str] = []
    alias: str | None = None
    renaming = False
    for word in _WORD.findall(text):
        if len(word) > LONGEST:
            return
        if word == "{":
            if len(stack) == DEEPEST:
                return
            stack.append(path)
            path = list(path)
        elif word in {",", "}"}:
            yield from _leaf(path, stack, alias)
            alias, renaming = None, False
            if word == "}" and stack:
                stack.pop()
                # What follows a closed group is a comma or another end: the group itself was told leaf by leaf.
                path = []
            else:
                path = list(stack[-1]) if stack else []
        elif word == "as":
            renaming = True
        elif renaming:
            alias = word
        elif word != "::":
            if len(path) == DEEPEST:
                return
            path.append(word.removeprefix("r#"))
        elif not path:
            path.append("")
    yield from _leaf(path, stack, alias)


def _leaf(path: list[str], stack: list[list[str]], alias: str | None) -> Iterator[tuple[list[str], str]]:
    before = stack[-1] if stack else []
    if len(path) <= len(before):
        return
    if path[-1] == "self" and len(path) > 1:
        path = path[:-1]
    name = path[-1] if alias is None else alias
    yield path, "" if name in {"*", "_"} else name
