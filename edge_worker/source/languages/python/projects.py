"""The Python projects of a repository: their directories, declared roots and needs (P2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import basename

from edge_worker.source.languages.python import backends, dependencies
from edge_worker.source.resolve.jsonc import mapping, strings
from edge_worker.source.resolve.repository import Repository, join, parent

_INI_FILES = ("setup.cfg", "pytest.ini", "tox.ini", "mypy.ini")
_ROOTED = ("pyproject.toml", "setup.py", *_INI_FILES, "pants.toml", "ruff.toml", ".ruff.toml", "pyrightconfig.json")
# More than any repository declares: each is compared with every directory.
_MOST_PATTERNS = 200
_EXAMPLES = frozenset({"tests", "test", "fixtures", "testdata", "examples", "example"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A directory with Python configuration. ``roots`` are declared ones and ``src``, deeper first."""

    directory: str
    roots: tuple[str, ...]
    #: It can be installed, so its own directory is a root as well.
    installable: bool
    #: The distribution's normalised name, empty if it is not told.
    name: str

    @property
    def is_example(self) -> bool:
        """Whether it lies among tests or examples."""
        return not _EXAMPLES.isdisjoint(self.directory.split("/"))


def find_projects(repository: Repository) -> list[Project]:
    """Return every directory that declares roots or can be installed, deep directories first."""
    directories = {parent(path) for name in _ROOTED for path in repository.named(name)}
    projects = (_project(repository, directory) for directory in directories)
    found = [project for project in projects if project.roots or project.installable]
    return sorted(found, key=lambda project: (-_depth(project.directory), project.directory))


def find_needs(repository: Repository) -> frozenset[str]:
    """Return the normalised names of all distributions that the repository's projects require."""
    found = set[str]()
    for path in repository.named("pyproject.toml"):
        found.update(dependencies.declared(repository.toml(path)))
    for path in repository.named("setup.cfg"):
        required = repository.ini(path).get("options", {}).get("install_requires", "")
        found.update(dependencies.named(required.splitlines()))
    for name in repository.names():
        for path in repository.named(name) if name.endswith(".txt") else ():
            if "requirements" in name or basename(parent(path)) == "requirements":
                found.update(dependencies.named(repository.text(path).splitlines()))
    return frozenset(found)


def _project(repository: Repository, directory: str) -> Project:
    inside = {name: f"{directory}/{name}" if directory else name for name in (*_ROOTED, "src", "__init__.py")}
    pyproject = repository.toml(inside["pyproject.toml"])
    script = "" if repository.file(inside["__init__.py"]) else repository.text(inside["setup.py"])
    setup = repository.ini(inside["setup.cfg"])
    installable = (
        bool({"project", "build-system"} & pyproject.keys())
        or "poetry" in mapping(pyproject.get("tool"))
        or "setup(" in script
        or bool({"metadata", "options"} & setup.keys())
    )
    declared = [*backends.from_pyproject(pyproject), *_from_tools(repository, inside)]
    if "setup(" in script:
        declared += backends.from_setup_script(script)
    roots = {root for item in declared if (root := join(directory, item)) is not None}
    roots |= set(_patterns(repository, inside["pants.toml"]))
    if installable and not repository.file(f"{inside['src']}/__init__.py"):
        roots.add(inside["src"])
    known = sorted((root for root in roots if repository.is_directory(root)), key=lambda root: (-_depth(root), root))
    name = mapping(pyproject.get("project")).get("name") or setup.get("metadata", {}).get("name", "")
    return Project(
        directory=directory,
        roots=tuple(known),
        installable=installable,
        name=dependencies.normalised(name) if isinstance(name, str) else "",
    )


def _from_tools(repository: Repository, inside: dict[str, str]) -> Iterator[str]:
    for name in _INI_FILES:
        yield from backends.from_ini(repository.ini(inside[name]))
    for name in ("ruff.toml", ".ruff.toml"):
        yield from strings(repository.toml(inside[name]).get("src"))
    yield from strings(repository.json(inside["pyrightconfig.json"]).get("extraPaths"))


def _patterns(repository: Repository, path: str) -> Iterator[str]:
    """The directories that match ``root_patterns`` of Pants: anchored with ``/``, else at any depth."""
    for pattern in strings(mapping(repository.toml(path).get("source")).get("root_patterns"))[:_MOST_PATTERNS]:
        wanted = pattern.strip("/")
        if pattern.startswith("/"):
            yield wanted
        else:
            yield from (found for found in repository.directories if f"/{found}".endswith(f"/{wanted}"))


def _depth(directory: str) -> int:
    return directory.count("/") + 1 if directory else 0
