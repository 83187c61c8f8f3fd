"""Where the build backends and tools of Python say that import roots are; each reader answers directories."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from posixpath import dirname

from edge_worker.source.resolve.jsonc import Value, mapping, strings

_PACKAGE_DIR = re.compile(r"""package_dir\s*=\s*(?:\{|dict\()[^}]{0,500}?["']{2}\s*:\s*["']([^"']+)["']""")
_FIND = re.compile(r"""find(?:_namespace)?_packages\(\s*(?:where\s*=\s*)?["']([^"']+)["']""")


def from_pyproject(table: dict[str, Value]) -> Iterator[str]:
    """Yield the roots that a ``pyproject.toml`` declares, relative to its directory."""
    tool = mapping(table.get("tool"))
    yield from _setuptools(mapping(tool.get("setuptools")))
    yield from _poetry(mapping(tool.get("poetry")))
    yield from _hatch(mapping(mapping(mapping(tool.get("hatch")).get("build")).get("targets")))
    yield from _uv(table, mapping(mapping(tool.get("uv")).get("build-backend")))
    yield from strings(mapping(mapping(tool.get("pdm")).get("build")).get("package-dir"))
    yield from strings(mapping(tool.get("maturin")).get("python-source"))
    yield from _listed(mapping(mapping(tool.get("pytest")).get("ini_options")).get("pythonpath"))
    yield from _listed(mapping(tool.get("pytest")).get("pythonpath"))
    yield from strings(mapping(tool.get("ruff")).get("src"))
    yield from strings(mapping(tool.get("pyright")).get("extraPaths"))
    yield from _listed(mapping(tool.get("mypy")).get("mypy_path"))


def from_ini(sections: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield the roots in ``setup.cfg``, ``pytest.ini``, ``tox.ini`` or ``mypy.ini``, relative to its directory."""
    for line in _option(sections, "options", "package_dir").splitlines():
        package, sign, directory = line.partition("=")
        if sign:
            yield from _parents(package.strip(), directory.strip())
    yield from _listed(_option(sections, "options.packages.find", "where"))
    for section in ("pytest", "tool:pytest"):
        yield from _listed(_option(sections, section, "pythonpath"))
    yield from _listed(_option(sections, "mypy", "mypy_path"))


def _option(sections: Mapping[str, Mapping[str, str]], section: str, name: str) -> str:
    return sections.get(section, {}).get(name, "")


def from_setup_script(text: str) -> Iterator[str]:
    """Yield the roots that a ``setup.py`` names in plain literals; the script itself is never run."""
    for pattern in (_PACKAGE_DIR, _FIND):
        yield from (match[1] for match in pattern.finditer(text))


def _setuptools(table: dict[str, Value]) -> Iterator[str]:
    for package, directory in mapping(table.get("package-dir")).items():
        if isinstance(directory, str):
            yield from _parents(package, directory)
    packages = table.get("packages")
    if isinstance(packages, dict):
        yield from strings(mapping(packages.get("find")).get("where"))


def _parents(package: str, directory: str) -> Iterator[str]:
    """A package of another name than its directory has no root from which its name could be walked."""
    if not package:
        yield directory
    elif f"/{directory}".endswith("/" + package.replace(".", "/")):
        yield directory[: len(directory) - len(package)] or "."


def _poetry(table: dict[str, Value]) -> Iterator[str]:
    packages = table.get("packages")
    for item in packages if isinstance(packages, list) else []:
        yield from strings(mapping(item).get("from"))


def _hatch(targets: dict[str, Value]) -> Iterator[str]:
    for target in targets.values():
        for package in strings(mapping(target).get("packages")):
            yield dirname(package.rstrip("/")) or "."
        sources = mapping(target).get("sources")
        yield from sources if isinstance(sources, dict) else strings(sources)


def _uv(table: dict[str, Value], backend: dict[str, Value]) -> Iterator[str]:
    if mapping(table.get("build-system")).get("build-backend") == "uv_build" or backend:
        yield from strings(backend.get("module-root", "src"))


def _listed(value: Value) -> Iterator[str]:
    """A list, or one string with several paths, as pytest and mypy accept."""
    for item in strings(value):
        yield from (part for part in re.split(r"[\s,:]+", item) if part and "$" not in part)
