"""Which languages there are: every folder beside this file brings its own; nothing else names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from edge_worker.source import languages
from edge_worker.source.language import Language
from edge_worker.source.resolve.base import Resolver
from edge_worker.source.resolve.repository import Repository


@cache
def known() -> Mapping[str, Language]:
    """Return every language by its name. Grammars are not loaded until a file needs one."""
    folders = sorted(found.name for found in iter_modules(languages.__path__) if found.ispkg)
    brought = (import_module(f"{languages.__name__}.{folder}").LANGUAGES for folder in folders)
    return {language.name: language for group in brought for language in group}


@cache
def _suffixes() -> Mapping[str, str]:
    return {suffix: language.name for language in known().values() for suffix in language.suffixes}


def language_of(path: str) -> str | None:
    """Return the name of the language that a file is written in, by its name alone; None for other files."""
    dot = path.rfind(".")
    language = _suffixes().get(path[dot:].lower())
    # A name of nothing before the suffix has none.
    return language if language is None or path[path.rfind("/", 0, dot) + 1 : dot].strip(".") else None


class Resolvers:
    """The resolvers of one repository, each built when its first file comes."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._built: dict[Callable[[Repository], Resolver], Resolver] = {}

    def of(self, language: str) -> Resolver:
        """Return the resolver of a language. Languages of one family share theirs.

        Raises:
            KeyError: no language has that name.
        """
        return self.built(known()[language].resolver)

    def built(self, family: Callable[[Repository], Resolver]) -> Resolver:
        """Return a resolver by what builds it."""
        if family not in self._built:
            self._built[family] = family(self._repository)
        return self._built[family]
