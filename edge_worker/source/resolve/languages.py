"""Which resolver answers for which language: the next language is a folder and a line here."""

from __future__ import annotations

from collections.abc import Callable

from edge_worker.source.resolve.base import Resolver
from edge_worker.source.resolve.javascript import JavaScriptResolver
from edge_worker.source.resolve.python import PythonResolver
from edge_worker.source.resolve.repository import Repository

_FAMILIES: dict[str, Callable[[Repository], Resolver]] = {
    "python": PythonResolver,
    "javascript": JavaScriptResolver,
    "typescript": JavaScriptResolver,
    "tsx": JavaScriptResolver,
}


class Resolvers:
    """The resolvers of one repository, each built when its first file comes."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._built: dict[Callable[[Repository], Resolver], Resolver] = {}

    def of(self, language: str) -> Resolver:
        """Return the resolver of a language.

        Raises:
            KeyError: no resolver knows the language.
        """
        family = _FAMILIES[language]
        if family not in self._built:
            self._built[family] = family(self._repository)
        return self._built[family]
