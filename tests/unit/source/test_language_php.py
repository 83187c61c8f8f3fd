"""What a PHP file names and includes, and which files that means."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from growth import assert_even, assert_linear
from small_repository import built, edges, graph, targets

from edge_worker.source.reader import read


def asked(text: str | bytes) -> list[tuple[str, int]]:
    source = b"<?php\n" + (text.encode() if isinstance(text, str) else text)
    return [(item.module.removeprefix("named "), item.line - 1) for item in read("php", source).imports]


def declared(text: str) -> tuple[str, ...]:
    return read("php", b"<?php\n" + text.encode()).declares


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("use A\\B;", ["A\\B"]),
        ("use \\A\\B;", ["A\\B"]),
        ("use A\\B, A\\C as D;", ["A\\B", "A\\C"]),
        ("use A\\{B, C\\D as E,};", ["A\\B", "A\\C\\D"]),
        ("use function A\\f;", ["function A\\f"]),
        ("use const A\\{X, Y};", ["const A\\X", "const A\\Y"]),
        ("use A\\{function f, const X, B /* c, */};", ["function A\\f", "const A\\X", "A\\B"]),
        ("use A\\B as C; new C; C::f(); new c;", ["A\\B"]),
        ("use  function  A\\f  as  g  ,  A\\h  ;", ["function A\\f", "function A\\h"]),
        ("use A\\{ B }\n?>", ["A\\B"]),
        ("use A\\B; new B\\C;", ["A\\B\\C"]),
        ("use A\\B; new B; new B\\C;", ["A\\B", "A\\B\\C"]),
    ],
)
def test_use_statements(text: str, expected: list[str]) -> None:
    """Classes, functions and constants are named in full; an alias for a namespace is what it is the beginning of."""
    assert [name for name, _ in asked(text)] == expected


@pytest.mark.parametrize(
    "text",
    [
        "new B;",
        "B::f();",
        "B::$p;",
        "B::X;",
        "B::class;",
        "$x instanceof B;",
        "class C extends B {}",
        "class C implements B {}",
        "interface C extends B {}",
        "enum C: string implements B {}",
        "class C { use B; }",
        "class C { private ?B $b; }",
        "function f(int|B $b) {}",
        "function f(): B {}",
        "fn (B $b) => 1;",
        "try {} catch (\\Error | B $e) {}",
        "#[B(1)] class C {}",
        "new class extends B {};",
        "new namespace\\B;",
        "new \\A\\B;",
    ],
)
def test_classes_named_in_code(text: str) -> None:
    """A class is named wherever the language asks for one, and means its namespace's without a ``use``."""
    assert ("A\\B", 2) in asked(f"namespace A;\n{text}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("namespace A; new B; namespace C; new B;", ["A\\B", "C\\B"]),
        ("namespace A { use X\\Y; new Y; } namespace { new Y; }", ["X\\Y", "Y"]),
        ("namespace A; B\\f(); \\C\\g();", ["function A\\B\\f", "function C\\g"]),
        ("use A\\B; B\\f();", ["function A\\B\\f"]),
        ("namespace A; class B {} new B; self::f(); parent::f(); static::f();", []),
        ("f(1); \\strlen('x'); $x::f(); new $x; new static;", []),
        ("// use A\\B;\n# new A\\C;\n/* A\\D::f() */ $x = 'new A\\E';", []),
        ('$x = <<<EOT\nuse A\\B;\nEOT;\n$y = "new A\\B";', []),
        ("function f(int $a, ?string $b, mixed $c, iterable $d): void {}", []),
    ],
)
def test_names_and_scopes(text: str, expected: list[str]) -> None:
    """Each namespace has its own aliases; what the file declares itself, and PHP's own words, are not asked for."""
    assert [name for name, _ in asked(text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("require 'a.php';", ["a.php"]),
        ('include_once("inc/a.php");', ["inc/a.php"]),
        ("require __DIR__ . '/a.php';", ["./a.php"]),
        ("require __DIR__.DIRECTORY_SEPARATOR.'a.php';", ["./a.php"]),
        ("require dirname(__FILE__) . '/a.php';", ["./a.php"]),
        ("require dirname(__DIR__) . '/a.php';", ["../a.php"]),
        ("require dirname(__DIR__, 2) . '/a.php';", ["../../a.php"]),
        ("require dirname(dirname(__FILE__)) . '/a.php';", ["../a.php"]),
        ("require realpath(__DIR__ . '/../a.php');", ["./../a.php"]),
        ("require plugin_dir_path(__FILE__) . 'inc/a.php';", ["./inc/a.php"]),
        ("require ABSPATH . 'inc/a.php';", ["*/inc/a.php"]),
        ("require ABSPATH . INC . '/a.php';", ["*/a.php"]),
        ('require "$root/inc/a.php";', ["*/inc/a.php"]),
        ("require $file;", []),
        ("require $name . '.php';", []),
        ('require "{$name}_view.php";', []),
        ("require ABSPATH . 'a.php';", []),
        ("require dirname(__DIR__, 99999999999999999999) . '/a.php';", ["../" * 100 + "a.php"]),
    ],
)
def test_included_paths(text: str, expected: list[str]) -> None:
    """A path is read as far as it is written: from the file, from where PHP looks, or from what only a run knows."""
    assert [name for name, _ in asked(text)] == expected


def test_kinds_and_lines_of_includes() -> None:
    """An include under a condition and in a function says so, at its line."""
    parsed = read("php", b"<?php\nif ($x) {\n  require 'a.php';\n}\nfunction f() { include 'b.php'; }\n")

    assert [(item.kinds, item.line) for item in parsed.imports] == [
        (("runtime", "conditional"), 3),
        (("runtime", "nested"), 5),
    ]


def test_declarations() -> None:
    """A file declares its classes, functions and constants, in their namespaces and under conditions."""
    text = "namespace A; class B {} interface C {} trait D {} enum E {} function f() {} const X = 1;"

    assert declared(text) == ("A\\B", "A\\C", "A\\D", "A\\E", "function A\\f", "const A\\X")
    assert declared("if (!class_exists('B')) { class B { const X = 1; function m() {} } }") == ("B",)
    assert declared("namespace A { class B {} } namespace { class B {} }") == ("A\\B", "B")


def composer(**sections: object) -> str:
    return json.dumps({"name": "me/mine", **sections})


@pytest.mark.parametrize(
    ("autoload", "name", "path"),
    [
        ({"psr-4": {"A\\": "src/"}}, "A\\B\\C", "src/B/C.php"),
        ({"psr-4": {"A\\": ["other", "src"]}}, "A\\B", "src/B.php"),
        ({"psr-4": {"A\\": "src", "A\\B\\": "lib"}}, "A\\B\\C", "lib/C.php"),
        ({"psr-4": {"A\\": "src", "A\\B\\": "lib"}}, "A\\B\\C", "src/B/C.php"),
        ({"psr-4": {"": "src"}}, "A\\B", "src/A/B.php"),
        ({"psr-4": {"A\\": ""}}, "A\\B", "B.php"),
        ({"psr-0": {"A\\": "src"}}, "A\\B\\C_D", "src/A/B/C/D.php"),
        ({"psr-0": {"A_": "src"}}, "A_B_C", "src/A/B/C.php"),
        ({"psr-0": {"": "src"}}, "A\\B", "src/A/B.php"),
    ],
)
def test_composer_maps_prefixes(autoload: object, name: str, path: str) -> None:
    """PSR-4 and PSR-0 give a class its path, the longest prefix that has the file first, whatever the file declares."""
    files = {"composer.json": composer(autoload=autoload), path: "<?php", "main.php": f"<?php new \\{name};"}

    links = list(built(files).links())

    assert [(link.target, link.confidence) for link in links] == [(path, 1.0)]


@pytest.mark.parametrize(
    ("files", "expected", "confidence"),
    [
        ({"lib/b.php": "<?php namespace A; class B {}"}, "lib/b.php", 0.9),
        ({"lib/b.php": "<?php namespace a; class b {}"}, "lib/b.php", 0.9),
        (
            {"lib/b.php": "<?php namespace A; class B {}", "composer.json": composer(autoload={"classmap": ["lib/"]})},
            "lib/b.php",
            1.0,
        ),
        (
            {
                "lib/b.php": "<?php namespace A; class B {}",
                "composer.json": composer(autoload={"files": ["lib/b.php"]}),
            },
            "lib/b.php",
            1.0,
        ),
        (
            {"src/x/b.php": "<?php namespace A; class B {}", "b.php": "<?php namespace A; class B {}"},
            "src/x/b.php",
            0.7,
        ),
        ({"one/b.php": "<?php namespace A; class B {}", "two/b.php": "<?php namespace A; class B {}"}, None, None),
        ({"lib/b.php": "<?php class B {}"}, None, None),
    ],
)
def test_declared_names(files: dict[str, str], expected: str | None, confidence: float | None) -> None:
    """A name that no prefix maps is the file's that declares it: listed by composer, the only one, or the nearest."""
    links = list(built({**files, "src/main.php": "<?php\nnew \\A\\B;"}).links())

    assert [(link.target, link.confidence) for link in links] == ([(expected, confidence)] if expected else [])


def test_functions_and_constants_go_by_declaration() -> None:
    """A function and a constant of a namespace are found where they are declared, and no class is taken for one."""
    files = {
        "src/functions.php": "<?php namespace A; function f() {} const X = 1;",
        "src/f.php": "<?php namespace A; class f {}",
        "main.php": "<?php use function A\\F; use const A\\X;",
        "other.php": "<?php new A\\f;",
    }

    assert set(edges(files)) == {("main.php", "src/functions.php"), ("other.php", "src/f.php")}


def test_projects_of_one_repository_name_each_other() -> None:
    """Packages beside each other are found by their own maps, and one's own comes first for a shared prefix."""
    files = {
        "packages/one/composer.json": composer(autoload={"psr-4": {"One\\": "src", "Tests\\": "tests"}}),
        "packages/one/src/A.php": "<?php namespace One; use Two\\B;",
        "packages/one/tests/T.php": "<?php namespace Tests; class T extends Base {}",
        "packages/one/tests/Base.php": "<?php namespace Tests; class Base {}",
        "packages/two/composer.json": composer(**{"autoload-dev": {"psr-4": {"Two\\": "src", "Tests\\": "tests"}}}),
        "packages/two/src/B.php": "<?php namespace Two;",
        "packages/two/tests/T.php": "<?php namespace Tests; class T extends Base {}",
        "packages/two/tests/Base.php": "<?php namespace Tests; class Base {}",
    }

    assert set(edges(files)) == {
        ("packages/one/src/A.php", "packages/two/src/B.php"),
        ("packages/one/tests/T.php", "packages/one/tests/Base.php"),
        ("packages/two/tests/T.php", "packages/two/tests/Base.php"),
    }


@pytest.mark.parametrize(
    ("text", "files", "expected", "confidence"),
    [
        ("require __DIR__ . '/a.php';", {"web/a.php": "", "a.php": ""}, "web/a.php", 1.0),
        ("require __DIR__ . '/a.php';", {"a.php": ""}, None, None),
        ("require __DIR__ . '/../a.php';", {"a.php": ""}, "a.php", 1.0),
        ("require 'a.php';", {"web/a.php": "", "a.php": ""}, "web/a.php", 1.0),
        ("require 'inc/a.php';", {"inc/a.php": ""}, "inc/a.php", 0.9),
        ("require ROOT . '/inc/a.php';", {"inc/a.php": ""}, "inc/a.php", 0.9),
        ("require ROOT . '/inc/a.php';", {"other/inc/a.php": ""}, "other/inc/a.php", 0.7),
        ("require ROOT . '/inc/a.php';", {"one/inc/a.php": "", "two/inc/a.php": ""}, None, None),
        ("require ROOT . '/a.php';", {"other/a.php": ""}, None, None),
        ("require __DIR__ . '/../../../a.php';", {"a.php": ""}, None, None),
    ],
)
def test_where_a_path_is_looked_up(
    text: str, files: dict[str, str], expected: str | None, confidence: float | None
) -> None:
    """A path from the file is exact; one from a constant or a start directory is below an enclosing one."""
    links = list(built({**files, "web/main.php": f"<?php {text}"}).links())

    assert [(link.target, link.confidence) for link in links] == ([(expected, confidence)] if expected else [])


def test_outcomes_are_counted() -> None:
    """A name below a namespace of this repository is missed; other packages, PHP's own and composer's are external."""
    text = "<?php use Mine\\A; use Mine\\Gone; use Mine\\Other\\X; use Vendor\\X;\nnew Exception; "
    text += "require 'vendor/autoload.php'; require __DIR__ . '/gone.php'; require $x . '/gone.php';"
    whole = graph({"src/A.php": "<?php namespace Mine; class A {}", "main.php": text})

    assert (whole.stats.local, whole.stats.external, whole.stats.unresolved_local) == (1, 4, 2)
    assert [item.module for item in whole.unresolved] == ["Mine\\Gone", "./gone.php"]


def test_broken_files_keep_what_is_there() -> None:
    """Syntax errors and bytes of Latin-1 cost no ``use`` statement."""
    broken = "namespace A;\nuse X\\Y;\nclass B extends Base {\n  function f( { new Z;\n"

    assert ("X\\Y", 2) in asked(broken)
    assert asked("// é\nuse A\\B;".encode("latin-1")) == [("A\\B", 2)]
    assert asked("use A\\Été; new Été;".encode("latin-1")) == [("A\\Été", 1)]
    assert read("php", b"\x00\xff<?php").status == "failed"
    assert read("php", b"no php at all").imports == ()


@pytest.mark.parametrize(
    "part", ["[", "(", "new A(", "{", "function(){", "if(1){", "'", "/*", "use A\\", "A::", "<?php "]
)
def test_hostile_texts_are_read_in_time(part: str) -> None:
    """Nesting without an end is read or given up, and never aborts."""
    assert read("php", b"<?php\n" + part.encode() * 20_000).status in {"parsed", "partial", "failed"}


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        (20_000, lambda times: b"<?php class { (((\n use A\\B<" + b" " * times + b">}};"),
        (2_000, lambda times: b"<?php class { (((\n" + b"use a\\\n" * times),
        (4_000, lambda times: b"<?php namespace " + b"a" * 10 * times + b";" + _each(b"new B%d;", times)),
        (4_000, lambda times: b"<?php namespace " + b"a" * 10 * times + b";" + _each(b"class B%d {}", times)),
        (4_000, lambda times: b"<?php use " + b"a" * 10 * times + b" as x;" + _each(b"new x\\B%d;", times)),
        (4_000, lambda times: b"<?php use " + b"a" * 240 + b" as x;" + _each(b"x\\B%d();", times)),
        (4_000, lambda times: b"<?php use " + b"a" * 10 * times + b"\\{" + _each(b"B%d,", times) + b"B};"),
        (1_000, lambda times: b"<?php ) ) ]\n" + b"require 'a/b.php' ) ;\n" * times),
    ],
    ids=["blanks", "salvage", "namespace", "declared", "alias", "short-alias", "group", "broken-includes"],
)
def test_work_grows_with_the_text(size: int, shape: Callable[[int], bytes]) -> None:
    """Blanks, and names that hold for many others, cost time and memory in proportion to the text."""
    assert_even("php", shape, size)


def test_names_that_nobody_wrote_are_left_out() -> None:
    """A name is told up to a length; below a namespace beyond it nothing is, but what names another one is."""
    long = "A" * 400

    assert [name for name, _ in asked(f"namespace {long}; new B; new \\C\\D; namespace C; new E;")] == ["C\\D", "C\\E"]
    assert asked(f"use {long} as x; new x\\B;") == []
    assert declared(f"namespace {long}; class B {{}} namespace C; class D {{}}") == ("C\\D",)


@pytest.mark.parametrize(
    "section",
    [
        lambda times: {"psr-4": {"": [f"a{number}" for number in range(times)]}},
        lambda times: {"psr-4": {f"A{number}\\": "a" for number in range(times)}},
        lambda times: {"classmap": [f"a{number}" for number in range(times)]},
    ],
    ids=["directories", "prefixes", "classmap"],
)
def test_work_grows_with_a_map_and_the_names_together(section: Callable[[int], object]) -> None:
    """Many names and a long map of composer cost time in proportion to both, not to their product."""

    def resolved(times: int) -> set[str]:
        text = "<?php namespace B;" + "".join(f"new A\\A{number};" for number in range(times))
        declaring = "<?php namespace B\\A;" + "".join(f"class A{number} {{}}" for number in range(times))
        map_of = composer(autoload=section(times))
        return targets({"composer.json": map_of, "main.php": text, "b.php": declaring}, "main.php")

    assert resolved(10) == {"b.php"}
    assert_linear(resolved, 2_000)


def test_work_grows_with_the_files_that_declare_a_name() -> None:
    """A name that many files declare and many use costs time in proportion to the files."""

    def resolved(times: int) -> set[str]:
        files = {f"a{number}/a.php": "<?php class A {} new B;" for number in range(times)}
        files |= {f"a{number}/b.php": "<?php class B {}" for number in range(times)}
        return targets(files, "a1/a.php")

    assert resolved(3) == {"a1/b.php"}
    assert_linear(resolved, 500)


def _each(text: bytes, times: int) -> bytes:
    return b"".join(text % number for number in range(times))


@pytest.mark.parametrize(
    "garbage",
    [
        "{",
        "[]",
        "[" * 100_000,
        '{"autoload": 1}',
        '{"autoload": {"psr-4": [1], "psr-0": {"A": 1}, "classmap": {"a": 1}, "files": [1, null, "../../x"]}}',
        '{"autoload": {"psr-4": {"A\\\\": ["../../..", "/usr", null]}}}',
    ],
)
def test_garbage_in_composer_json_costs_nobody_an_edge(garbage: str) -> None:
    """A map that cannot be read counts as absent."""
    files = {"composer.json": garbage, "b.php": "<?php namespace A; class B {}", "main.php": "<?php new A\\B;"}

    assert targets(files, "main.php") == {"b.php"}
