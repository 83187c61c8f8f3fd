"""Which languages have a table: every file beside this one brings its own; nothing else names them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from edge_worker.text import shapes
from edge_worker.text.shape import Shape


def shape_of(path: str, language: str) -> Shape | None:
    """Return a language's table; None where it has none. No grammar is loaded by this."""
    # A header's name does not say which of the two it is.
    return _known().get("cpp" if language == "c" and path.endswith((".h", ".H")) else language)


@cache
def _known() -> Mapping[str, Shape]:
    names = sorted(found.name for found in iter_modules(shapes.__path__) if found.name != "registry")
    brought = (import_module(f"{shapes.__name__}.{name}").SHAPES for name in names)
    return {language: shape for group in brought for language, shape in group.items()}
