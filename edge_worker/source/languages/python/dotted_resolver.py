"""A dotted name in a string to the file that it means: the longest beginning of it that is a module (P10)."""

from __future__ import annotations

from edge_worker.source.languages.python.resolver import PythonResolver
from edge_worker.source.languages.python.standard import STANDARD
from edge_worker.source.parse.statement import ImportStatement
from edge_worker.source.resolve.base import EXTERNAL, Resolution, Target, local
from edge_worker.source.resolve.repository import parent

#: How sure it is that a string means a module: by its own name, or by a name in it; and that it means a package by
#: one more name, which may be anything: a logger's, a prefix of keys.
_NAMED, _IN_PACKAGE = 0.8, 0.5


class DottedResolver(PythonResolver):
    """Implements ``Resolver`` for what ``named_modules`` finds."""

    def resolve(self, path: str, statement: ImportStatement) -> Resolution:
        """Return the file of the longest beginning that is a module, if it has two parts at least.

        A package may leave one name over, which is its own; another module two, of a class and of what that has.
        """
        search = self._roots.search(parent(path))
        parts = [*statement.module.split("."), *statement.names]
        if parts[0] in STANDARD and search.top != parts[0]:
            return EXTERNAL
        roots = self._search_list(search, parts[0])
        for over in range(len(statement.names) + 1):
            size = len(parts) - over
            module = self._modules.find(roots, parts[:size]) if size > 1 and roots else None
            if module is not None and module.file is not None:
                sure = _NAMED if not (over and module.portions) else _IN_PACKAGE
                return local(Target(path=module.file, confidence=sure)) if over < 2 or sure == _NAMED else EXTERNAL
        return EXTERNAL
