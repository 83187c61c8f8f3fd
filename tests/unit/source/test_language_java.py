"""The rules of Java, each on a small repository."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from growth import assert_even, assert_linear
from small_repository import edges, graph, targets

from edge_worker.source.languages.registry import known
from edge_worker.source.reader import parse_imports, read

SRC = "src/main/java/org/acme"
BASE = {
    f"{SRC}/store/Store.java": "package org.acme.store;\npublic class Store { static class Row {} }\nclass Shelf {}\n",
    f"{SRC}/store/Limits.java": "package org.acme.store;\n\npublic interface Limits { int MOST = 1; }\n",
    f"{SRC}/store/package-info.java": "/** What is kept. */\npackage org.acme.store;\n",
}
MAIN = f"{SRC}/app/Main.java"


def _main(imported: str, used: str = "") -> str:
    return f"package org.acme.app;\n\n{imported}\n\npublic class Main {{ void run() {{ {used} }} }}\n"


@pytest.mark.parametrize(
    ("imported", "used", "expected"),
    [
        ("import org.acme.store.Store;", "", {"Store"}),
        ("import org.acme.store.Store.Row;", "", {"Store"}),
        ("import org.acme.store.Shelf;", "", {"Store"}),
        ("import static org.acme.store.Limits.MOST;", "", {"Limits"}),
        ("import static org.acme.store.Limits.*;", "", {"Limits"}),
        ("import org.acme.store.Store.*;", "", {"Store"}),
        ("import org . acme /* why */ .store\n.Store ;", "", {"Store"}),
        ("import org.acme.store.*;", "new Store();", {"Store"}),
        ("import org.acme.store.*;", "Store s; int m = Limits.MOST;", {"Store", "Limits"}),
        ("import org.acme.store.*;", 'String s = "Limits"; // Store', {"package-info"}),
        ("import org.acme.store.Gone;", "", set()),
        ("import java.util.List;\nimport org.other.Store;", "", set()),
        ("", "new org.acme.store.Store(); org.acme.store.Limits.MOST.x();", {"Store", "Limits"}),
        ("", "this.org.acme.store.Store = x;", set()),
        (
            "// import org.acme.store.Store;\n/* import org.acme.store.Limits; */",
            '"import org.acme.store.Store;"',
            set(),
        ),
    ],
)
def test_an_import_means_the_file_that_declares_the_type(imported: str, used: str, expected: set[str]) -> None:
    """Members and nested types are cut off; a package imported whole means the files whose types are used."""
    found = targets({**BASE, MAIN: _main(imported, used)}, MAIN)

    assert found == {f"{SRC}/store/{name}.java" for name in expected}


def test_a_package_is_named_by_its_clause() -> None:
    """The package clause counts, not the folder; a file that was not read is known by its folder and its name."""
    files = {
        "anywhere/X.java": "@Deprecated\npackage a.b;\nenum X { A }",
        "Main.java": "import a.b.X;\nimport c.d.Big;\nclass Main {}",
    }

    assert targets({**files, "lib/c/d/Big.java": b"\xff\0"}, "Main.java") == {"anywhere/X.java", "lib/c/d/Big.java"}


def test_the_nearest_of_two_types_counts() -> None:
    """Two projects that hold the same type each mean their own."""
    one = {
        "one/src/a/b/T.java": "package a.b;\nclass T {}",
        "one/src/a/U.java": "package a;\nimport a.b.T;\nclass U {}",
    }
    two = {path.replace("one", "two", 1): text for path, text in one.items()}

    assert set(edges({**one, **two})) == {(f"{at}/src/a/U.java", f"{at}/src/a/b/T.java") for at in ("one", "two")}


def test_types_of_the_own_package_need_no_import() -> None:
    """A type of the same package is an edge of its own kind, wherever the file lies, and no import is counted."""
    files = {
        "src/main/java/p/q/A.java": "package p.q;\npublic class A { class Inner {} }",
        "src/main/java/p/q/B.java": "package p.q;\nimport x.y.C;\nclass B { C c; class D {} D d; }",
        "src/main/java/p/q/C.java": "package p.q;\nrecord C(int x) {}",
        "src/main/java/p/q/D.java": "package p.q;\n@interface D {}",
        "src/test/java/p/q/ATest.java": 'package p.q;\nclass ATest { A a; String s = "B"; Inner i; x.y.C c; }',
        "src/test/java/p/r/ATest.java": "package p.r;\nclass ATest { A a; }",
    }

    assert edges(files) == {("src/test/java/p/q/ATest.java", "src/main/java/p/q/A.java"): ("same-package",)}
    assert graph(files).stats.local == 0


def test_the_own_package_comes_before_one_that_is_imported_whole() -> None:
    """A simple name means the type of the own package, then one of a package imported with a star."""
    files = {
        "a/T.java": "package a;\nclass T {}",
        "b/T.java": "package b;\nclass T {}",
        "b/V.java": "package b;\nclass V {}",
        "a/U.java": "package a;\nimport b.*;\nclass U { T t; V v; }",
    }

    assert edges(files) == {("a/U.java", "a/T.java"): ("same-package",), ("a/U.java", "b/V.java"): ("runtime",)}


def test_files_without_a_package_share_one_with_their_folder() -> None:
    """The nameless package ends at the folder."""
    files = {"x/A.java": "class A { B b; C c; }", "x/B.java": "class B {}", "y/C.java": "class C {}"}

    assert set(edges(files)) == {("x/A.java", "x/B.java")}


def test_modules() -> None:
    """``requires`` means the module-info of that module, ``uses`` and ``provides`` the types."""
    files = {
        "one/module-info.java": "module org.one { requires transitive org.two; requires java.sql; uses org.two.S; }",
        "two/module-info.java": "open module org.two { exports a to b; provides org.two.S with org.two.I, org.two.J; }",
        "two/S.java": "package org.two;\npublic interface S {}",
        "two/I.java": "package org.two;\nclass I {}",
        "two/J.java": "package org.two;\nclass J {}",
        "X.java": "import module org.one;\nclass X {}",
    }

    assert set(edges(files)) == {
        ("one/module-info.java", "two/module-info.java"),
        ("one/module-info.java", "two/S.java"),
        *(("two/module-info.java", f"two/{name}.java") for name in "SIJ"),
        ("X.java", "one/module-info.java"),
    }


def test_outcomes_are_counted() -> None:
    """A type that is missing in a package of the repository, or below one, is unresolved; all others are external."""
    imported = (
        "import java.util.*;\nimport org.acme.store.Gone;\nimport org.acme.store.made.X;\nimport org.acme2.store.Y;"
    )
    stats = graph({**BASE, MAIN: _main(f"{imported}\nimport org.acme.store.Store;")}).stats

    assert (stats.local, stats.external, stats.unresolved_local) == (1, 2, 2)


def test_a_broken_file_keeps_its_imports() -> None:
    """A file with syntax errors gives what could be read, and says so."""
    parsed = read("java", b"package a;\nimport b.C;\nclass A { void f( { import }\n")

    assert parsed.status == "partial"
    assert [one.module for one in parsed.imports][:2] == ["package a", "b.C"]


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "latin-1"])
def test_encodings(codec: str) -> None:
    """A byte order mark, UTF-16 and letters of another age change nothing."""
    text = "package org.acme.app;\n// \u00e9\nimport org.acme.store.Store;\nclass Main {}".encode(codec)

    assert targets({**BASE, MAIN: text}, MAIN) == {f"{SRC}/store/Store.java"}


SAMPLES = (
    b"package a.b;\nimport c.D;\nimport static e.F.*;\nclass G<T> extends H { I i = J.K.l(); m.n.O o; class P {} }\n",
    b'package a;\nclass B { S s = """\n "C" \\""" { \n"""; char c = \'"\', d = \'\\\'\'; /* { */ S e = "\\\\"; F f;}\n',
    b"module a.b { requires static c.d; uses e.F; }\n",
    b"import a.*;\r\nrecord B(C c) {}\r\n@interface D {}\r\nenum E { F, G }\r\n",
)


@pytest.mark.parametrize("source", SAMPLES)
def test_the_scan_equals_the_grammar(source: bytes) -> None:
    """The fast reading gives what the exact one gives, statement for statement and name for name."""
    scan = known()["java"].scan

    assert scan is not None
    assert scan(source) == parse_imports("java", source)


@pytest.mark.parametrize("source", [b"class A {", b"class A { \\u0041 a; }", b"class A { \0 }"])
def test_the_scan_knows_what_it_cannot_tell(source: bytes) -> None:
    """Unmatched braces, letters that are written as numbers and what is no text are left to the grammar."""
    scan = known()["java"].scan

    assert scan is not None
    assert scan(source) is None


@pytest.mark.parametrize(
    "source",
    [
        b"{" * 100_000,
        b"import a." * 50_000,
        b"a." * 70_000,
        b"import a.*;" * 20_000,
        b"module a{requires " * 20_000,
        b'"""' * 9999,
    ],
    ids=["braces", "imports", "chains", "stars", "modules", "blocks"],
)
def test_hostile_text_is_read_or_given_up(source: bytes) -> None:
    """No text makes reading raise or run on."""
    assert read("java", source).status in {"parsed", "partial", "failed"}


def _each(text: bytes, times: int) -> bytes:
    """Repeat a text with a number of its own in each."""
    return b"".join(text % number for number in range(times))


@pytest.mark.parametrize(
    "shape",
    [
        lambda n: b"module a { uses x" + b" " * n * 5 + b"y; }",
        lambda n: b"module a { provides x " + b"with " * n + b"y; }",
        lambda n: b"module a {" + b"requires transitive " * n,
        lambda n: b"package p;" + b"import a.*;" * n + _each(b"A%d a;", n),
        lambda n: b"package p;" + b"import a.*;" * n + b"A" * n * 5 + b";",
        lambda n: b"import" + b" " * n * 5 + b"x" + b" " * n * 5 + b"." + b" " * n * 5,
        lambda n: b"a . " * n + b";",
        lambda n: _each(b"a.b%d.C x;", n),
        lambda n: b'"\\' * n,
    ],
    ids=["blanks", "with", "requires", "stars", "long", "spaces", "chains", "written", "escapes"],
)
def test_the_cost_of_a_text_grows_as_the_text_does(shape: Callable[[int], bytes]) -> None:
    """No shape of a file takes the square of its length, in time or in memory."""
    assert_even("java", shape, 5000)


def test_the_cost_of_resolving_grows_as_the_text_does() -> None:
    """Many names that no file is called like, and files of one name that were not read, are each looked at once."""

    def resolved(times: int) -> int:
        lost: dict[str, str | bytes] = {f"p{number}/Lost.java": b"\xff\0" for number in range(times)}
        imports = "".join(f"import p{number}.Lost;\nimport p{number}.None{number};\n" for number in range(times))
        return len(edges({**lost, "Main.java": f"{imports}class Main {{}}"}))

    assert resolved(10) == 10
    assert_linear(resolved, 1000)
