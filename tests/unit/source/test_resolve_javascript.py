"""The rules of JavaScript and TypeScript resolution, each on a small repository."""

from __future__ import annotations

import json

import pytest
from small_repository import built, edges, graph, links, sureness, targets


def package(name: str = "", **fields: object) -> str:
    return json.dumps({"name": name, **fields})


@pytest.mark.parametrize(
    ("specifier", "present", "expected"),
    [
        ("./a", ["a.ts", "a.js"], "a.ts"),
        ("./a", ["a.js", "a.d.ts"], "a.js"),
        ("./a", ["a.d.ts"], "a.d.ts"),
        ("./a", ["a/index.tsx"], "a/index.tsx"),
        ("./a", ["a.jsx", "a/index.ts"], "a.jsx"),
        ("./a/", ["a/index.ts"], "a/index.ts"),
        ("./a.js", ["a.ts"], "a.ts"),
        ("./a.js", ["a.tsx"], "a.tsx"),
        ("./a.js", ["a.ts", "a.js"], "a.ts"),
        ("./a.js", ["a.js", "a.d.ts"], "a.js"),
        ("./a.mjs", ["a.mts"], "a.mts"),
        ("./a.cjs", ["a.cts"], "a.cts"),
        ("./a.ts", ["a.js"], "a.js"),
        ("./a.vue", ["a.vue"], "a.vue"),
        ("./a.json", ["a.json"], "a.json"),
        ("./a.test", ["a.test.ts"], "a.test.ts"),
        ("./a?raw", ["a.ts"], "a.ts"),
        (".//a", ["a.ts"], "a.ts"),
        ("./", ["index.ts"], "index.ts"),
        (".", ["index.ts"], "index.ts"),
        ("./b/../a", ["a.ts"], "a.ts"),
        ("./../a", ["a.ts"], None),
        ("loader!./a", ["a.ts"], "a.ts"),
        ("./a", ["A.ts"], None),
        ("../a", ["a.ts"], None),
        ("/a", ["a.ts"], None),
        ("node:fs", ["node:fs.ts"], None),
        ("fs", ["fs.ts"], None),
    ],
)
def test_paths(specifier: str, present: list[str], expected: str | None) -> None:
    """A path means the first spelling that is committed, a source before its declaration (J2, J3)."""
    files = {**dict.fromkeys(present, ""), "main.ts": f"import x from '{specifier}'"}

    assert targets(files, "main.ts") == ({expected} if expected else set())


def test_nearest_configuration_gives_the_aliases() -> None:
    """Aliases come from the nearest configuration, the longest prefix first and its targets in order (J4, J5)."""
    files = {
        "tsconfig.json": '{"compilerOptions": {"paths": {"~/*": ["./root/*"]}}}',
        "app/tsconfig.json": """{
            // comments and trailing commas are fine
            "compilerOptions": {
                "paths": {"~/*": ["./gone/*", "./src/*"], "~/lib/*": ["./lib/*"], "exact": ["./e.ts"],}
            },
        }""",
        "app/main.ts": "import '~/a'; import '~/lib/b'; import 'exact'",
        "app/src/a.ts": "",
        "app/src/lib/b.ts": "",
        "app/lib/b.ts": "",
        "app/e.ts": "",
        "root/a.ts": "",
    }

    assert targets(files, "app/main.ts") == {"app/src/a.ts", "app/lib/b.ts", "app/e.ts"}


def test_extended_configuration_is_relative_to_itself() -> None:
    """Inherited options keep the directory of the file that declares them; a package may be extended (J5)."""
    files = {
        "base.json": '{"compilerOptions": {"paths": {"@/*": ["./shared/*"]}}}',
        "app/tsconfig.json": '{"extends": ["../base.json", "@w/config/ts.json"]}',
        "app/main.ts": "import '@/a'; import './t'",
        "config/package.json": package("@w/config"),
        "config/ts.json": '{"compilerOptions": {"rootDirs": ["${configDir}", "../generated"]}}',
        "app/shared/a.ts": "",
        "shared/a.ts": "",
        "generated/t.ts": "",
    }

    assert targets(files, "app/main.ts") == {"shared/a.ts", "generated/t.ts"}


def test_aliases_are_relative_to_a_base_url() -> None:
    """Where a baseUrl is set, aliases are seen from it (J5)."""
    files = {
        "tsconfig.json": '{"compilerOptions": {"baseUrl": "src", "paths": {"@/*": ["lib/*"]}}}',
        "main.ts": "import '@/a'",
        "src/lib/a.ts": "",
        "lib/a.ts": "",
    }

    assert targets(files, "main.ts") == {"src/lib/a.ts"}


def test_configuration_that_includes_a_file_comes_first() -> None:
    """In a solution-style configuration, ``include`` decides which aliases hold (J4)."""
    files = {
        "tsconfig.json": '{"files": [], "references": [{"path": "tsconfig.app.json"}, {"path": "./tsconfig.test"}]}',
        "tsconfig.app.json": '{"compilerOptions": {"paths": {"@/*": ["./src/*"]}}, "include": ["src"]}',
        "tsconfig.test.json": '{"compilerOptions": {"paths": {"@/*": ["./test/*"]}}, "include": ["test/**/*.ts"]}',
        "src/main.ts": "import '@/a'",
        "test/main.ts": "import '@/a'",
        "src/a.ts": "",
        "test/a.ts": "",
    }

    assert set(edges(files)) == {("src/main.ts", "src/a.ts"), ("test/main.ts", "test/a.ts")}


def test_base_url_never_gives_a_declaration() -> None:
    """baseUrl confirms committed sources only; a declaration of a package's name is not that package (J6)."""
    files = {
        "tsconfig.json": '{"compilerOptions": {"baseUrl": "."}}',
        "main.ts": "import 'vitest'; import 'util2/x'",
        "vitest.d.ts": "",
        "util2/x.ts": "",
    }

    assert targets(files, "main.ts") == {"util2/x.ts"}


def test_root_dirs_are_laid_over_each_other() -> None:
    """A relative path that is missing below one root directory is found below another (J6)."""
    files = {
        "tsconfig.json": '{"compilerOptions": {"rootDirs": ["src", "generated"]}}',
        "src/v/main.ts": "import './t'",
        "generated/v/t.ts": "",
    }

    assert targets(files, "src/v/main.ts") == {"generated/v/t.ts"}


WORKSPACE = {
    "package.json": package("root", workspaces=["packages/*"]),
    "packages/app/package.json": package("app", imports={"#util/*": "./src/util/*.ts", "#b": "@w/b"}),
    "packages/app/src/util/x.ts": "",
    "packages/b/src/index.ts": "",
    "packages/b/src/deep/x.ts": "",
    "packages/b/other.ts": "",
    "packages/b/types.d.ts": "",
}


@pytest.mark.parametrize(
    ("specifier", "fields", "expected"),
    [
        ("@w/b", {"main": "./other.ts"}, "packages/b/other.ts"),
        ("@w/b", {"main": "./other"}, "packages/b/other.ts"),
        ("@w/b", {"exports": "./other.ts"}, "packages/b/other.ts"),
        ("@w/b", {"exports": {".": {"types": "./types.d.ts", "default": "./other.ts"}}}, "packages/b/other.ts"),
        ("@w/b", {"exports": {"browser": "./src/index.ts", "default": "./other.ts"}}, "packages/b/other.ts"),
        ("@w/b", {"exports": {"import": "./dist/index.js", "@w/source": "./other.ts"}}, "packages/b/other.ts"),
        ("@w/b", {"exports": {"types": "./src/index.ts", "default": "./other.ts"}}, "packages/b/other.ts"),
        ("@w/b", {"exports": {".": ["./gone.ts", "./other.ts"]}}, "packages/b/other.ts"),
        ("@w/b", {"exports": {".": {"types": "./types.d.ts", "default": None}}}, "packages/b/types.d.ts"),
        ("@w/b/x", {"exports": {"./*": "./src/deep/*.ts", "./x/*": "./gone/*"}}, "packages/b/src/deep/x.ts"),
        ("@w/b/deep/x", {"exports": {"./": "./src/"}}, "packages/b/src/deep/x.ts"),
        ("@w/b/other", {}, "packages/b/other.ts"),
        ("@w/b/deep/x", {}, "packages/b/src/deep/x.ts"),
        ("@w/b", {}, "packages/b/src/index.ts"),
        ("#util/x", {}, "packages/app/src/util/x.ts"),
        ("#b", {"main": "other.ts"}, "packages/b/other.ts"),
        ("@w/gone", {}, None),
    ],
)
def test_workspace_packages(specifier: str, fields: dict[str, object], expected: str | None) -> None:
    """A bare name of the workspace means the package's source, by its exports or its fields (J7, J8)."""
    files = {
        **WORKSPACE,
        "packages/b/package.json": package("@w/b", **fields),
        "packages/app/main.ts": f"import '{specifier}'",
    }

    assert targets(files, "packages/app/main.ts") == ({expected} if expected else set())


def test_member_comes_before_a_fixture_of_the_same_name() -> None:
    """Workspace members provide a name before other packages do, and a package is itself first (J8)."""
    files = {
        "pnpm-workspace.yaml": "packages:\n  - 'deep/er/*' # members\nother:\n  - examples/*\n",
        "examples/x/package.json": package("x", main="i.ts"),
        "examples/x/i.ts": "",
        "examples/x/self.ts": "import 'x'",
        "deep/er/x/package.json": package("x", main="i.ts"),
        "deep/er/x/i.ts": "",
        "a/package.json": package("x", main="i.ts"),
        "a/i.ts": "",
        "main.ts": "import 'x'",
    }

    assert set(edges(files)) == {("examples/x/self.ts", "examples/x/i.ts"), ("main.ts", "deep/er/x/i.ts")}


def test_linked_dependency_is_a_package_by_path() -> None:
    """A link: dependency gives a name to a directory (J8)."""
    files = {
        "a/package.json": package("a", dependencies={"alias": "link:../b"}),
        "a/main.ts": "import 'alias'",
        "b/package.json": package("b", main="i.ts"),
        "b/i.ts": "",
    }

    assert targets(files, "a/main.ts") == {"b/i.ts"}


@pytest.mark.parametrize(
    ("extra", "fields", "expected"),
    [
        ({"b/src/index.ts": ""}, {"main": "./dist/index.js"}, "b/src/index.ts"),
        ({"b/src/index.ts": ""}, {"main": "./dist/cjs/index.cjs.prod.js"}, "b/src/index.ts"),
        ({"b/source/index.ts": ""}, {"exports": {".": {"default": "./lib/index.js"}}}, "b/source/index.ts"),
        (
            {"b/code/index.ts": "", "b/tsconfig.json": '{"compilerOptions": {"outDir": "dist", "rootDir": "code"}}'},
            {"main": "dist/index.js"},
            "b/code/index.ts",
        ),
        (
            {"b/src/run.ts": "", "b/src/cli.ts": "", "b/tsup.config.ts": "x({entry: {'cli': 'src/run.ts'}})"},
            {"main": "dist/cli.js"},
            "b/src/run.ts",
        ),
        ({"b/src/index.ts": ""}, {"main": "./styles/index.css"}, None),
    ],
)
def test_unbuilt_output_means_its_source(
    extra: dict[str, str], fields: dict[str, object], expected: str | None
) -> None:
    """An output that is not committed means the source that makes it, and the edge says so (J9)."""
    files = {"b/package.json": package("b", **fields), **extra, "main.ts": "import 'b'"}

    found = {target: kinds for (source, target), kinds in edges(files).items() if source == "main.ts"}

    assert {target for target, kinds in found.items() if "built" in kinds} == ({expected} if expected else set())


def test_require_of_an_unbuilt_output() -> None:
    """A relative path into an output directory that is absent means the source (J9)."""
    files = {"package.json": package("p"), "index.js": "require('./lib/boot')", "src/boot.ts": ""}

    assert edges(files) == {("index.js", "src/boot.ts"): ("built", "runtime")}


@pytest.mark.parametrize(
    ("exports", "expected"),
    [
        ({".": {"source": "./src/index.ts", "default": "./dist/B.js"}}, {("b/B.js", "b/src/index.ts")}),
        ({"source": "./src/index.ts", "import": {"default": "./dist/B.js"}}, {("b/B.js", "b/src/index.ts")}),
        ({".": {"source": "./src/index.ts", "default": "./dist/C.js"}}, set()),
        ({".": {"import": "./src/index.ts", "default": "./dist/B.js"}}, set()),
        ({"./*": {"source": "./src/*.ts", "default": "./dist/*.js"}}, set()),
    ],
    ids=["said", "nameless", "other", "unmarked", "star"],
)
def test_output_means_the_source_that_its_package_names_beside_it(
    exports: dict[str, object], expected: set[tuple[str, str]]
) -> None:
    """A file that hands out its own package's output means the source of the same name in ``exports`` (J9)."""
    files = {
        "b/package.json": package("b", exports=exports),
        "b/B.js": "module.exports = require('./dist/B.js')",
        "b/src/index.ts": "",
    }

    assert set(edges(files)) == expected


def test_style_sheet_is_an_asset() -> None:
    """A target that is no code is marked as an asset, which is told when it is asked for and no edge of the graph."""
    files = {"main.ts": "import './a.css'", "a.css": ""}

    assert links(files) == {("main.ts", "a.css"): ("asset",)}
    assert edges(files) == {}


def test_outcomes_are_counted() -> None:
    """Packages of others are external, paths and workspace names that lead nowhere unresolved."""
    files = {
        "package.json": package("root"),
        "main.ts": "import 'react'; import './gone'; import 'root/gone'; import 'fs'",
    }

    stats = graph(files).stats

    assert (stats.external, stats.unresolved_local, stats.local) == (2, 2, 0)


@pytest.mark.parametrize(
    "text",
    [
        "jest.mock('./a')",
        "vi.doMock('./a', () => ({}))",
        "const a = jest.requireActual('./a')",
        "const a = require.resolve('./a')",
        "new Worker(new URL('./a.js', import.meta.url))",
    ],
)
def test_modules_that_are_only_named(text: str) -> None:
    """A module that a test tool or Node is given by its name is tied to the file, which does not import it (J1)."""
    files = {"main.js": text, "a.js": ""}

    assert edges(files) == {("main.js", "a.js"): ("mentioned",)}
    assert not any(link.imports for link in built(files).links())


@pytest.mark.parametrize(
    "text", ["jest.fn('./a')", "new URL('./a.js', base)", "other.mock('./a')", "new Url('./a.js')"]
)
def test_calls_that_name_no_module(text: str) -> None:
    """Other functions are given texts that are no modules."""
    assert edges({"main.js": text, "a.js": ""}) == {}


def test_bundle_looks_into_itself() -> None:
    """What a bundler's own ``require`` is given are names of the bundle, not files (J10)."""
    bundle = "({1:[function(require,module,exports){\nvar a = require('./a')\n},{'./a':2}]})"

    assert edges({"bundle.js": bundle, "a.js": ""}) == {}


def test_path_of_other_letters_is_told_when_asked_for() -> None:
    """A path that fits one file but for large and small letters is optional, and is unresolved by rule (R6)."""
    files = {"main.ts": "import './Button'; import './twice'", "button.tsx": "", "Twice.ts": "", "TWICE.ts": ""}

    assert links(files) == {("main.ts", "button.tsx"): ("case-fallback",)}
    assert graph(files).stats.unresolved_local == 2
    assert edges(files) == {}


def test_guess_is_less_sure_than_a_rule() -> None:
    """A member of a workspace is certain; a package that only has the name, or a source found by its path, is not."""
    files = {
        **WORKSPACE,
        "packages/b/package.json": package("@w/b", main="other.ts"),
        "elsewhere/package.json": package("loose", main="i.ts"),
        "elsewhere/i.ts": "",
        "packages/c/package.json": package("c", main="dist/index.js"),
        "packages/c/src/index.ts": "",
        "packages/app/main.ts": "import '@w/b'; import 'loose'; import 'c'",
    }

    sure = {
        target: confidence for (source, target), confidence in sureness(files).items() if source.endswith("main.ts")
    }

    assert sure["packages/b/other.ts"] == 1.0
    assert 0 < sure["elsewhere/i.ts"] < 1
    assert 0 < sure["packages/c/src/index.ts"] < 1
