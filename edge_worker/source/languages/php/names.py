"""What a name means where it stands: PHP's rules of namespaces and ``use``, within one file."""

from __future__ import annotations

import re
from collections.abc import Iterator

FUNCTION, CONSTANT = "function ", "const "
#: In front of what is named in code, and by no ``use``.
NAMED = "named "
_COMMENT = re.compile(r"/\*[\s\S]*?(?:\*/|\Z)|(?:#(?!\[)|//)[^\n]*")
_USE = re.compile(r"use\s++(?:(function|const)\s++)?+([^{};]++)(?:\{([^{}]*+)\})?+", re.IGNORECASE)
_CLAUSE = re.compile(r"(?:(function|const)\s++)?+([\w\\]++)(?:\s++as\s++(\w++))?+", re.IGNORECASE)
# What is longer or deeper is generated: an alias of it would be told in full at each use.
_LONGEST, _DEEPEST = 250, 30
_KEYWORDS = "self static parent object mixed never null false true iterable callable void bool int float string array"
_OWN = frozenset(_KEYWORDS.split())


class Scope:
    """The namespace and the aliases in force at a place of the text; told of them from top to bottom."""

    def __init__(self) -> None:
        self._namespace = ""
        self._aliases: dict[str, str] = {}
        # Aliases that begin a longer name, and those that are a whole one.
        self._prefixes: set[str] = set()
        self._alone: set[str] = set()

    def enter(self, namespace: str) -> None:
        """Begin a namespace: the aliases of the one before are no longer known."""
        self._namespace = clipped(namespace.strip("\\"))
        self._aliases = {}

    def use(self, text: str) -> Iterator[str]:
        """Hear a ``use`` statement and yield what it names: ``A\\B``, ``function A\\f``, ``const A\\C``."""
        statement = _USE.fullmatch(_COMMENT.sub(" ", text).strip().removesuffix(";").rstrip())
        if statement is None:
            return
        kind, names, group = statement.groups()
        base = "" if group is None else clipped(names.strip())
        for item in (names if group is None else group).split(","):
            clause = _CLAUSE.fullmatch(item.strip())
            name = f"{base}{clause[2]}".strip("\\") if clause is not None else ""
            if clause is None:
                continue
            marker = (clause[1] or kind or "").lower()
            if not marker:
                self._aliases[(clause[3] or name.rpartition("\\")[2]).lower()] = clipped(name)
            if is_written(name):
                yield f"{marker} {name}".lstrip()

    def named(self, spelled: str) -> str | None:
        """Return the whole name of a class as spelled here; None for PHP's own words and for what ``use`` told.

        And None for a name that nobody wrote (see ``is_written``).
        """
        spelled = "".join(spelled.split())
        if spelled.lower() in _OWN or not is_written(spelled):
            return None
        whole = self._whole(spelled)
        return whole if whole is not None and is_written(whole) else None

    def called(self, spelled: str) -> str | None:
        """Return the whole name of a function as ``use`` yields it; None outside every namespace: mostly PHP's."""
        name = self.named(spelled)
        return f"{FUNCTION}{name}" if name is not None and "\\" in name else None

    def namespaces(self) -> set[str]:
        """Return the names in ``use`` statements that were the beginnings of longer ones and nothing else."""
        return self._prefixes - self._alone

    def _whole(self, spelled: str) -> str | None:
        head, backslash, rest = spelled.partition("\\")
        aliased = self._aliases.get(head.lower())
        if aliased is None or not head:
            return self._own(spelled)
        (self._prefixes if backslash else self._alone).add(aliased)
        return f"{aliased}\\{rest}" if backslash else None

    def _own(self, spelled: str) -> str:
        if spelled.startswith("\\"):
            return spelled[1:]
        first, _, rest = spelled.partition("\\")
        relative = rest if first.lower() == "namespace" else spelled
        return f"{self._namespace}\\{relative}".lstrip("\\")


def is_written(name: str) -> bool:
    """Return whether people may have written a name: others would cost as much at each place that means them."""
    return len(name) <= _LONGEST and name.count("\\") <= _DEEPEST


def clipped(namespace: str) -> str:
    """Return a namespace, or of a longer one as much as makes every name below it too long to be told."""
    return namespace[: _LONGEST + 1]
