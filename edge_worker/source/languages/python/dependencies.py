"""The distributions that a project says it needs, by normalised name (P8)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from edge_worker.source.resolve.jsonc import Value, mapping, strings

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


@cache
def normalised(name: str) -> str:
    """Return a distribution's name in the form of an import name (PEP 503 with ``_``)."""
    return re.sub(r"[-_.]+", "_", name).lower()


def declared(table: dict[str, Value]) -> Iterator[str]:
    """Yield the names that a ``pyproject.toml`` requires, optional, grouped and build requirements included."""
    project = mapping(table.get("project"))
    yield from named(strings(project.get("dependencies")))
    for group in (*mapping(project.get("optional-dependencies")).values(), *_groups(table)):
        yield from named(strings(group))
    yield from named(strings(mapping(table.get("build-system")).get("requires")))
    poetry = mapping(mapping(table.get("tool")).get("poetry"))
    tables = [poetry.get("dependencies"), poetry.get("dev-dependencies")]
    tables += [mapping(group).get("dependencies") for group in mapping(poetry.get("group")).values()]
    for item in tables:
        yield from (normalised(name) for name in mapping(item))


def named(requirements: list[str]) -> Iterator[str]:
    """Yield the name of each requirement line (PEP 508); options and addresses have none."""
    for line in requirements:
        match = _NAME.match(line)
        if match and "://" not in line.partition("@")[0]:
            yield normalised(match[1])


def _groups(table: dict[str, Value]) -> Iterator[Value]:
    """PEP 735 groups, and uv's older list of development requirements."""
    yield from mapping(table.get("dependency-groups")).values()
    yield mapping(mapping(table.get("tool")).get("uv")).get("dev-dependencies")
