"""The listing of a commit: links, directories and configuration that cannot be trusted."""

from __future__ import annotations

import pytest
from small_repository import edges, graph, repository, targets

GOOD = {
    "src/a.ts": "import './b'; import '@/x'; import '#z'; import 'n/" + "y" * 3000 + "'",
    "src/b.ts": "",
    "pkg/__init__.py": "",
    "main.py": "import pkg",
}
GOOD_EDGES = {("src/a.ts", "src/b.ts"), ("main.py", "pkg/__init__.py")}
NOT_UTF8 = b"\xff\xfe\xff{"


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("tsconfig.json", "{"),
        ("tsconfig.json", "[" * 100_000),
        ("tsconfig.json", '{"a":' * 100_000),
        ("tsconfig.json", NOT_UTF8),
        ("tsconfig.json", '{"extends": "./tsconfig.json"}'),
        ("tsconfig.json", '{"compilerOptions": 3, "references": {"path": 1}, "include": [1, {}], "extends": [[]]}'),
        ("tsconfig.json", '{"compilerOptions": {"paths": {"*": "x", "@/*": [null]}, "baseUrl": "../../.."}}'),
        ("package.json", "null"),
        ("package.json", "[" * 100_000),
        ("package.json", '{"name": 3, "workspaces": 7, "exports": [[[[]]]], "imports": "x"}'),
        ("package.json", '{"name": "x", "workspaces": ["**/**/**/**/**/*", "!", "../..", "[", "/"]}'),
        ("src/package.json", '{"name": "n", "main": ".", "exports": {"./*": "' + "*" * 300_000 + '"}}'),
        ("pnpm-workspace.yaml", "packages:\n  - &a [*a, *a]\n"),
        ("pyproject.toml", "project = 3\ntool = []"),
        ("pyproject.toml", "a = " + "[" * 100_000),
        ("pyproject.toml", NOT_UTF8),
        ("pyproject.toml", "[project]\nname = 3\ndependencies = 7\n[tool.setuptools]\npackage-dir = 'x'\npackages = 1"),
        ("setup.cfg", "no section"),
        ("setup.cfg", "[options]\npackage_dir = %(x)s\n"),
        ("setup.py", "setup(" + "package_dir={" * 50_000),
        ("pants.toml", "[source]\nroot_patterns = ['/', '*', '..']"),
    ],
)
def test_broken_configuration_costs_no_edge(path: str, content: str | bytes) -> None:
    """Configuration that is garbage, deep or of the wrong type counts as absent."""
    assert set(edges({**GOOD, path: content})) >= GOOD_EDGES


def test_unreadable_configuration_is_named() -> None:
    """The graph says which configuration could not be read."""
    files = {"tsconfig.json": "{", "main.ts": "import '@/a'"}

    assert graph(files).unreadable == ("tsconfig.json",)


def test_configuration_of_absurd_size_is_not_read() -> None:
    """A configuration file larger than any person writes counts as absent."""
    found = repository({"package.json": '{"name": "' + "x" * 600_000 + '"}'})

    assert found.json("package.json") == {}


def test_configurations_that_extend_each_other_end() -> None:
    """Forty configurations that all extend all others are read in no time and cost no edge."""
    names = [f"tsconfig.{number}.json" for number in range(40)]
    extends = "{" + '"extends": [' + ",".join(f'"./{name}"' for name in names) + '], "compilerOptions": {"paths": {}}}'

    assert set(edges({**GOOD, **dict.fromkeys(names, extends)})) >= GOOD_EDGES


def test_link_leads_to_the_real_file() -> None:
    """An import through a link, of a file or of a directory, is an edge to the real file (G1)."""
    files = {"real/a.ts": "", "real/deep/b.ts": "", "real/deep/c.ts": ""}
    files["main.ts"] = "import './link'; import './dir/b'; import './twice/c'"
    aliases = {"link.ts": "real/a.ts", "dir": "real/deep", "twice": "dir"}

    assert targets(files, "main.ts", aliases) == {"real/a.ts", "real/deep/b.ts", "real/deep/c.ts"}


def test_links_in_a_circle_lead_nowhere() -> None:
    """Links that lead to each other or into themselves end after a few hops."""
    files = {**GOOD, "main.ts": "import './a'; import './self/x'; import './src/b'"}
    aliases = {"a.ts": "b.ts", "b.ts": "a.ts", "self": "self/self", "up": ".."}

    assert targets(files, "main.ts", aliases) == {"src/b.ts"}


def test_names_with_odd_characters() -> None:
    """Names that are not UTF-8, or hold blanks and quotes, are names like any other."""
    odd = b"caf\xe9 '\"".decode("utf-8", "surrogateescape")
    files = {f"{odd}/a.ts": "import './b'", f"{odd}/b.ts": "", f"{odd}/c.py": "from . import d", f"{odd}/d.py": ""}

    assert set(edges(files)) == {(f"{odd}/a.ts", f"{odd}/b.ts"), (f"{odd}/c.py", f"{odd}/d.py")}
