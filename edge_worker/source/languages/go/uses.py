"""The names that a Go file uses of its imports and of its own package."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from functools import cached_property
from itertools import islice

from edge_worker.source.languages.go import words

# Not within a name, nor after the dot of a selector; three dots stand before a type.
_START = rb"\b(?<![\x80-\xff])(?:(?<!\.)|(?<=\.\.\.))"
_NAME = rb"[A-Za-z_\x80-\xff][\w\x80-\xff]*+"
# Longer lists are tables, and would be read again from each of their commas.
_NAMES = _NAME + rb"(?:\s*,\s*" + _NAME + rb"){0,30}+"
# No letter has a case below \xc3, and above it the case is not looked for.
_SELECTED = re.compile(_START + rb"(" + _NAME + rb")\s*\.\s*([A-Z\xc3-\xff][\w\x80-\xff]*+)")
_BARE = re.compile(_START + rb"[A-Z\xc3-\xff][\w\x80-\xff]*+")
# ``a.\n b.C`` goes on from ``a``: ``b`` is no qualifier.
_BROKEN_CHAIN = re.compile(rb"\.\s+")
# A name as it stands at the beginning of a chain, but for keys (``Name: x``), fields (``Name Type``) and methods.
_FREE = re.compile(_START + _NAME + rb"(?!\s*:[^=]|\s*\.\.)")
_FIELD = re.compile(rb"^[ \t]+(?:" + _NAMES + rb")[ \t]+(?=[\w*\[(\x80-\xff])", re.MULTILINE)
_METHOD = re.compile(rb"\)[ \t]*" + _NAME + rb"(?=\()")
_INTERFACE = re.compile(rb"\binterface\s*\{[^{}]*\}")
# Where a name is bound within the file, so that it may not mean the package's: assignments, parameters, variables.
_ASSIGNED = re.compile(rb"^[^\n:=]*+(?=:=)", re.MULTILINE)
_LAST_NAMES = re.compile(_NAMES + rb"\s*\Z")
_BOUND = (
    re.compile(rb"[(,\[]\s*(" + _NAMES + rb")\s+(?=[\w*\[(.\x80-\xff])"),
    re.compile(rb"\b(?:var|const|type)\s+(" + _NAMES + rb")"),
)
# As much of a line as is looked at, as many names as an import takes, and as many imports as a file has whose package
# calls itself something else.
_LINE = 300
_MOST_NAMES = 1000
_MOST_STRANGERS = 50
_VERSION = re.compile(r"v\d+")
_WORD = re.compile(r"\w+")


class Uses:
    """``code`` is the file's text with its comments and strings blank."""

    def __init__(self, code: bytes) -> None:
        self._text = _BROKEN_CHAIN.sub(b".", code)
        self._strangers = 0
        self._joined: dict[tuple[str, ...], tuple[str, ...]] = {}

    @cached_property
    def selected(self) -> Mapping[str, tuple[str, ...]]:
        """Qualifiers to the exported names selected from them; a local variable looks like a package."""
        found = defaultdict(list)
        for qualifier, name in dict.fromkeys(_SELECTED.findall(self._text)):
            if len(qualifier) <= words.LONGEST and len(name) <= words.LONGEST:
                found[_decode(qualifier)].append(_decode(name))
        return {qualifier: tuple(names[:_MOST_NAMES]) for qualifier, names in found.items()}

    @cached_property
    def bare(self) -> tuple[str, ...]:
        """Exported names without a qualifier: those of dot imports are among them."""
        names = (name for name in dict.fromkeys(_BARE.findall(self._text)) if len(name) <= words.LONGEST)
        return tuple(map(_decode, islice(names, _MOST_NAMES)))

    def of_path(self, path: str, taken: Set[str]) -> tuple[str, ...]:
        """Return the uses of an import without an alias, each with its qualifier.

        What the package calls itself is told in its files alone, which by custom is the end of the path. Where nothing
        is used by such a name it calls itself something else, since no import is without a use: then every qualifier
        counts that is not in ``taken``.
        """
        qualifiers = [name for name in assumed(path) if name in self.selected]
        if not qualifiers and self._strangers < _MOST_STRANGERS:
            self._strangers += 1
            qualifiers = [name for name in self.selected if name not in taken]
        key = tuple(qualifiers)
        if key not in self._joined:
            names = (f"{qualifier}.{name}" for qualifier in key for name in self.selected[qualifier])
            self._joined[key] = tuple(islice(names, _MOST_NAMES))
        return self._joined[key]

    def of_package(self, declared: Iterable[str]) -> tuple[str, ...]:
        """Return names that the file neither declares nor binds, so that only its package can: in order of the text."""
        text = _FIELD.sub(b" ", _METHOD.sub(b")", _INTERFACE.sub(b" ", self._text)))
        known = {name.encode() for name in (*declared, *words.KNOWN, *self.selected)}
        known.update(self._bound())
        free = (name for name in dict.fromkeys(_FREE.findall(text)) if name not in known)
        return tuple(_decode(name) for name in free if len(name) <= words.LONGEST)

    def _bound(self) -> Iterator[bytes]:
        assigned = (_LAST_NAMES.search(line[-_LINE:]) for line in set(_ASSIGNED.findall(self._text)))
        found = {match[0] for match in assigned if match}
        for pattern in _BOUND:
            found.update(pattern.findall(self._text))
        for names in found:
            yield from (name.strip() for name in names.split(b","))


def assumed(path: str) -> tuple[str, ...]:
    """Return the names that a package at an import path may have by custom: ``yaml`` for ``gopkg.in/go-yaml.v3``."""
    *above, last = path.split("/")
    names = [last]
    if _VERSION.fullmatch(last) and above:
        names.append(above[-1])
    parts = [word for name in names for word in _WORD.findall(name)]
    joined = [name.replace("-", "").replace(".", "") for name in names]
    return tuple(dict.fromkeys((*names, *parts, *joined)))


def _decode(text: bytes) -> str:
    return text.decode("utf-8", errors="replace")
