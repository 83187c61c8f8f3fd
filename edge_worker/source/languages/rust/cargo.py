"""What Cargo.toml declares: a package's crates, and where the crates that it uses lie in the repository."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edge_worker.source.resolve.jsonc import Value, mapping
from edge_worker.source.resolve.repository import Repository, ancestors, is_inside, join, parent

_TABLES = ("dependencies", "dev-dependencies", "build-dependencies")
# Where Cargo looks for crates by itself, with the table that declares more of them.
_FOLDERS = {"src/bin": "bin", "tests": "test", "benches": "bench", "examples": "example"}
_FIXTURES = frozenset({"tests", "test", "fixtures", "testdata", "examples"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """A directory whose Cargo.toml has a ``[package]``."""

    directory: str
    name: str
    #: What code calls its library.
    crate: str
    #: The file of its library, if it has one.
    library: str | None
    #: Files that its crates begin in, the library first.
    roots: tuple[str, ...]


class Packages:
    """The packages of a repository. Versions are not looked at: what the repository holds is what is meant."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._manifests = {parent(path): repository.toml(path) for path in repository.named("Cargo.toml")}
        self._folders = _by_folder(repository)
        self._by_directory = {
            directory: self._package(directory, manifest)
            for directory, manifest in self._manifests.items()
            if "package" in manifest or "project" in manifest
        }
        self._by_name: defaultdict[str, list[Package]] = defaultdict(list)
        for package in self._by_directory.values():
            self._by_name[package.name].append(package)
        self._needs: dict[str, dict[str, Package]] = {}

    def all(self) -> Iterator[Package]:
        """Yield every package, those in upper directories first."""
        yield from self._by_directory.values()

    def around(self, directory: str) -> Package | None:
        """Return the package that a directory belongs to."""
        return next((self._by_directory[up] for up in ancestors(directory) if up in self._by_directory), None)

    def library(self, package: Package, crate: str) -> str | None:
        """Return the file of the library that a package's code calls by a name: its own, or that of a dependency."""
        if package.directory not in self._needs:
            self._needs[package.directory] = dict(self._dependencies(package.directory))
        if crate == package.crate:
            return package.library
        found = self._needs[package.directory].get(crate)
        return found.library if found is not None else None

    def _package(self, directory: str, manifest: Mapping[str, Value]) -> Package:
        about = mapping(manifest.get("package") or manifest.get("project"))
        library = mapping(manifest.get("lib"))
        name = _text(about.get("name"))
        own = self._file(directory, _text(library.get("path")) or "src/lib.rs")
        roots = [own] if own is not None else []
        return Package(
            directory=directory,
            name=name,
            crate=_in_code(_text(library.get("name")) or name),
            library=own,
            roots=tuple(dict.fromkeys((*roots, *self._roots(directory, manifest, _text(about.get("build")))))),
        )

    def _roots(self, directory: str, manifest: Mapping[str, Value], build: str) -> Iterator[str]:
        named = ["src/main.rs", build or "build.rs"]
        for table in _FOLDERS.values():
            targets = manifest.get(table)
            named += [_text(mapping(one).get("path")) for one in (targets if isinstance(targets, list) else ())]
        yield from (file for path in named if path and (file := self._file(directory, path)) is not None)
        for folder in _FOLDERS:
            yield from self._folders.get(f"{directory}/{folder}".lstrip("/"), ())

    def _file(self, directory: str, path: str) -> str | None:
        place = join(directory, path)
        return self._repository.file(place) if place is not None else None

    def _dependencies(self, directory: str) -> Iterator[tuple[str, Package]]:
        """A dependency is known by its key, which may rename it, else as its library calls itself."""
        manifest = self._manifests[directory]
        for table in (manifest, *map(mapping, mapping(manifest.get("target")).values())):
            for kind in _TABLES:
                for key, value in mapping(table.get(kind)).items():
                    found = self._needed(directory, key, value)
                    if found is not None:
                        yield _in_code(key) if found.name != key else found.crate, found

    def _needed(self, directory: str, key: str, value: Value) -> Package | None:
        """Return the package of a dependency: by its path, or by its name where this repository is its source."""
        wanted = mapping(value)
        if wanted.get("workspace") is True:
            above = (up for up in ancestors(directory) if "workspace" in self._manifests.get(up, ()))
            root = next(above, None)
            shared = (
                mapping(mapping(self._manifests[root]["workspace"]).get("dependencies")) if root is not None else {}
            )
            inherited = mapping(shared.get(key))
            # One that is inherited again would be a circle.
            wanted = {name: item for name, item in inherited.items() if name != "workspace"}
            directory = root or ""
        path = _text(wanted.get("path"))
        if path:
            return self._by_directory.get(join(directory, path) or "")
        named = self._by_name.get(_text(wanted.get("package")) or key, ())
        return next((package for package in named if _is_visible(package.directory, directory)), None)


def _by_folder(repository: Repository) -> dict[str, list[str]]:
    """The files in which Cargo finds crates by itself, by folder: ``x.rs`` and ``x/main.rs``."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(repository.files):
        if path.endswith(".rs"):
            folder = parent(path)
            place = parent(folder) if path.endswith("/main.rs") else folder
            found[place].append(path)
    return found


def _is_visible(package: str, importer: str) -> bool:
    """Packages among tests and examples give their names to each other alone."""
    parts = package.split("/")
    hidden = next((size for size, part in enumerate(parts, 1) if part in _FIXTURES), None)
    return hidden is None or is_inside(importer, "/".join(parts[:hidden]))


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


def _in_code(name: str) -> str:
    return name.replace("-", "_")
