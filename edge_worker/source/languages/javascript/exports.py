"""The ``exports`` and ``imports`` maps of a package.json (Node.js, "Packages"), read for sources (J7, J8)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice

from edge_worker.source.resolve.jsonc import Value

_NEUTRAL = frozenset({"import", "require", "node", "default", "development", "production", "module"})
_DEPTH = 16
# A target has one star, or a few that all stand for the same; more would only multiply.
_STARS = 4
# More targets of one name than anybody writes.
_MOST_TARGETS = 200


def subpath_targets(exports: Value, wanted: str, custom: Collection[str]) -> list[str]:
    """Return the targets of ``.`` or ``./x`` in an ``exports`` map, those most likely to be source first."""
    if not isinstance(exports, dict) or not any(key.startswith(".") for key in exports):
        return list(_targets(exports, custom, 0)) if wanted == "." else []
    return map_targets(exports, wanted, custom)


def sourced_targets(exports: Value) -> Iterator[tuple[list[str], list[str]]]:
    """Yield, for each name without a star, the targets that a condition calls a source, and the others."""
    has_names = isinstance(exports, dict) and any(key.startswith(".") for key in exports)
    entries = exports if has_names and isinstance(exports, dict) else {".": exports}
    for key, value in entries.items():
        if "*" not in key:
            sources, others = list[str](), list[str]()
            for is_source, target in islice(_marked(value, False, 0), _MOST_TARGETS):
                (sources if is_source else others).append(target)
            yield sources, others


def _marked(value: Value, is_source: bool, depth: int) -> Iterator[tuple[bool, str]]:
    if isinstance(value, str):
        yield is_source, value
    elif isinstance(value, dict) and depth < _DEPTH:
        for condition, inner in value.items():
            yield from _marked(inner, is_source or _rank(condition, ()) == 0, depth + 1)


def map_targets(table: dict[str, Value], wanted: str, custom: Collection[str]) -> list[str]:
    """Return the targets of the key that matches: the same, else the pattern with the longest prefix."""
    if wanted in table:
        return list(_targets(table[wanted], custom, 0))
    for key in sorted(table, key=lambda key: (-len(key.partition("*")[0]), key)):
        rest = _rest(key, wanted)
        if rest is not None:
            found = _targets(table[key], custom, 0)
            return [_filled(target, key, rest) for target in found if target.count("*") <= _STARS]
    return []


def _rest(key: str, wanted: str) -> str | None:
    head, star, tail = key.partition("*")
    if not star and not key.endswith("/"):
        return None
    if wanted.startswith(head) and wanted.endswith(tail) and len(wanted) > len(head) + len(tail):
        return wanted[len(head) : len(wanted) - len(tail)]
    return None


def _filled(target: str, key: str, rest: str) -> str:
    return target + rest if key.endswith("/") else target.replace("*", rest)


def _targets(value: Value, custom: Collection[str], depth: int) -> Iterator[str]:
    if depth > _DEPTH:
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _targets(item, custom, depth + 1)
    elif isinstance(value, dict):
        for key in sorted(value, key=lambda key: _rank(key, custom)):
            yield from _targets(value[key], custom, depth + 1)


def _rank(condition: str, custom: Collection[str]) -> int:
    """Conditions that name a source come first; those of one run time only come last."""
    if condition in custom or condition == "source" or condition.endswith(("/source", "-src")):
        return 0
    if condition in _NEUTRAL:
        return 1
    return 2 if condition.startswith("types") else 3
