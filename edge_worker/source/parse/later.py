"""Parts that are imported when they are first called: a run needs few of the languages and fewer of the grammars."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any


@cache
def later(module: str, name: str) -> Callable[..., Any]:
    """Return a stand-in for a function or a class of a module; the same one for the same names."""

    @cache
    def part() -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(import_module(module), name)
        return found

    def call(*arguments: object, **named: object) -> object:
        return part()(*arguments, **named)

    return call
