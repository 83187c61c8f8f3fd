"""The search list of a file: in which directories its absolute imports are looked up, in order (P3, P4)."""

from __future__ import annotations

from dataclasses import dataclass

from edge_worker.source.languages.python.projects import Project, find_needs, find_projects
from edge_worker.source.resolve.repository import Repository, ancestors, is_inside

#: As ``own``, ``others`` and ``every`` of a ``Search``.
_Lists = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """``own`` roots are the file's own and those of the projects around it; ``others`` are those of other projects."""

    own: tuple[str, ...]
    others: tuple[str, ...]
    #: Both, in order.
    every: tuple[str, ...]
    #: The name of the top package that the file lies in, empty for a script.
    top: str


class Roots:
    """The search list of every directory, computed once each."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._projects = find_projects(repository)
        #: Normalised names of the distributions that the repository's projects require.
        self.needs = find_needs(repository)
        self._known: dict[str, Search] = {}
        #: Few different lists exist, by the implicit root and the directories of the projects around.
        self._alike: dict[tuple[str, tuple[str, ...]], _Lists] = {}
        directories = {project.directory for project in self._projects}
        #: Declared roots that hold packages; a project's own directory holds its tests and scripts as well.
        self.declared = frozenset(root for project in self._projects for root in project.roots) - directories
        self.names = frozenset(project.name for project in self._projects if project.name and self._provides(project))

    def search(self, directory: str) -> Search:
        """Return the search list for the files of a directory."""
        if directory not in self._known:
            self._known[directory] = self._search(directory)
        return self._known[directory]

    def all(self) -> tuple[str, ...]:
        """Return every root that some project declares, in order."""
        return tuple(dict.fromkeys(root for project in self._projects for root in _all(project)))

    def _search(self, directory: str) -> Search:
        implicit = self.implicit(directory)
        around = tuple(project.directory for project in self._projects if is_inside(directory, project.directory))
        below = directory[len(implicit) :].strip("/")
        found = self._alike.get((implicit, around))
        if found is None:
            found = self._alike[implicit, around] = self._lists(implicit, around)
        own, others, every = found
        return Search(own=own, others=others, every=every, top=below.partition("/")[0])

    def _lists(self, implicit: str, around: tuple[str, ...]) -> _Lists:
        own = [] if self._is_portion(implicit) else [implicit]
        others: list[str] = []
        for project in self._projects:
            if project.directory in around:
                own += _all(project)
            else:
                others += self._offered(project)
        known = (*dict.fromkeys(own), "") if "" not in own else tuple(dict.fromkeys(own))
        beyond = tuple(root for root in dict.fromkeys(others) if root not in known)
        return known, beyond, (*known, *beyond)

    def implicit(self, directory: str) -> str:
        """Return the first directory without ``__init__.py`` from here up, as pytest and scripts put it first."""
        for candidate in ancestors(directory):
            path = f"{candidate}/__init__.py" if candidate else "__init__.py"
            if self._repository.file(path) is None:
                return candidate
        return ""

    def _offered(self, project: Project) -> tuple[str, ...]:
        """What a project offers to files outside it: its bare directory only if it has no other root."""
        if not self._provides(project):
            return ()
        return project.roots or (project.directory,)

    def _provides(self, project: Project) -> bool:
        """A project among tests or examples is for itself, unless another one requires it by its name."""
        return not project.is_example or project.name in self.needs

    def _is_portion(self, implicit: str) -> bool:
        """Inside a declared root, a directory without ``__init__`` is part of a namespace (PEP 420), not a root."""
        return any(above in self.declared for above in ancestors(implicit)[1:]) and implicit not in self.declared


def _all(project: Project) -> tuple[str, ...]:
    return (*project.roots, project.directory) if project.installable else project.roots
