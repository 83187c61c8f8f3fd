"""The rules of Go, each on a small repository."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from growth import assert_even, assert_linear
from small_repository import edges, graph, targets

from edge_worker.source.languages.registry import known
from edge_worker.source.reader import parse_imports, read

BASE = {
    "go.mod": "module example.com/app // the app\n\ngo 1.22\n",
    "store/store.go": "package store\n\ntype Store struct{}\n\nfunc New() *Store { return nil }\n",
    "store/limits.go": "package store\n\nconst (\n\tMost = 1\n\tLeast, None = 2, 3 // both\n)\n\n"
    'var Table = map[string]int{\n\t"a": 1,\n}\n',
    "store/doc.go": "// Package store keeps.\npackage store\n",
    "store/store_test.go": "package store\n\nfunc Fake() {}\n",
}
MAIN = "package main\n\n{}\n\nfunc main() {{\n\t{}\n}}\n"


def _main(imported: str, used: str) -> str:
    return MAIN.format(imported, used)


@pytest.mark.parametrize(
    ("imported", "used", "expected"),
    [
        ('import "example.com/app/store"', "store.New()", {"store/store.go"}),
        ('import "example.com/app/store"', "_ = store.Most", {"store/limits.go"}),
        ('import "example.com/app/store"', "_ = store.None + len(store.Table)", {"store/limits.go"}),
        ('import s "example.com/app/store"', "var x *s.Store; _ = x", {"store/store.go"}),
        (
            'import (\n\t"fmt"\n\ts `example.com/app/store` // why\n)',
            "fmt.Println(s.Least, s.New)",
            {"store/store.go", "store/limits.go"},
        ),
        ('import . "example.com/app/store"', "_ = New()", {"store/store.go"}),
        ('import "example.com/app/store"', "f := func(all ...store.Store) {}; f()", {"store/store.go"}),
        ('import "example.com/app/store"', '// store.Most\n\t_ = store.New // " store.Most', {"store/store.go"}),
        ('import "example.com/app/store"', '_ = `store.Most` + "store.Most"; store.New()', {"store/store.go"}),
        ('import "example.com/app/store"', "store.Fake()", {"store/doc.go"}),
        ('import _ "example.com/app/store"', "", {"store/doc.go"}),
        ('import "example.com/app/gone"', "gone.New()", set()),
        ('import "example.com/application"', "application.New()", set()),
        ('import "C"', "C.New()", set()),
    ],
)
def test_a_use_means_the_file_that_declares_the_name(imported: str, used: str, expected: set[str]) -> None:
    """An import means the files that declare what is used of a package; where none does, the one standing for it."""
    assert targets({**BASE, "main.go": _main(imported, used)}, "main.go") == expected


def test_a_blank_import_means_what_runs() -> None:
    """A package that is imported for its effects means the files with an init function."""
    files = {**BASE, "store/hook.go": "package store\n\nfunc init() {}\n"}

    assert targets({**files, "main.go": _main('import _ "example.com/app/store"', "")}, "main.go") == {"store/hook.go"}


def test_a_package_may_call_itself_otherwise() -> None:
    """The package clause names the package, whatever its path ends with."""
    files = {
        "go.mod": "module example.com/go-thing/v2",
        "root.go": "package thing\n\nfunc Do() {}\n",
        "yaml.v3/x.go": "package yaml\n\nfunc Read() {}\n",
        "odd/x.go": "package other\n\nfunc Odd() {}\n",
        "cmd/main.go": _main(
            'import (\n"example.com/go-thing/v2"\n"example.com/go-thing/v2/yaml.v3"\n"example.com/go-thing/v2/odd"\n)',
            "thing.Do(); yaml.Read(); other.Odd()",
        ),
    }

    assert targets(files, "cmd/main.go") == {"root.go", "yaml.v3/x.go", "odd/x.go"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"go.mod": "module m", "sub/go.mod": "module m/sub", "sub/x/x.go": "package x\nfunc F() {}"}, "sub/x/x.go"),
        ({"go.mod": "module m", "far/go.mod": "module m/sub", "far/x/x.go": "package x\nfunc F() {}"}, "far/x/x.go"),
        (
            {"go.mod": 'module "m"\nreplace (\n\tm/sub v1.0.0 => ./near\n)', "near/x/x.go": "package x\nfunc F() {}"},
            "near/x/x.go",
        ),
        (
            {"go.mod": "module m", "go.work": "go 1.22\nreplace m/sub => ./w", "w/x/x.go": "package x\nfunc F() {}"},
            "w/x/x.go",
        ),
        ({"go.mod": "module m", "vendor/m/sub/x/x.go": "package x\nfunc F() {}"}, "vendor/m/sub/x/x.go"),
        ({"go.mod": "module a", "testdata/go.mod": "module m/sub", "testdata/x/x.go": "package x\nfunc F() {}"}, None),
        ({"go.mod": "module std", "m/sub/x/x.go": "package x\nfunc F() {}"}, "m/sub/x/x.go"),
    ],
    ids=["nested", "elsewhere", "replace", "workspace", "vendor", "fixture", "standard"],
)
def test_a_path_means_a_directory(files: dict[str, str], expected: str | None) -> None:
    """The longest module path gives the directory, unless a replacement or a vendored copy does; no fixture does."""
    whole = {**files, "main.go": _main('import "m/sub/x"', "x.F()")}

    assert targets(whole, "main.go") == ({expected} if expected else set())


def test_an_outside_test_sees_what_the_inside_tests_export() -> None:
    """A package x_test imports x together with the declarations of its test files; nobody else does."""
    files = {
        "go.mod": "module m",
        "x/x.go": "package x\n\nfunc F() {}\n",
        "x/export_test.go": "package x\n\nvar Hidden = 1\n",
        "x/x_test.go": 'package x_test\n\nimport "m/x"\n\nvar _ = x.Hidden\n',
        "y/y_test.go": 'package y\n\nimport "m/x"\n\nvar _ = x.Hidden\n',
    }

    assert targets(files, "x/x_test.go") == {"x/export_test.go"}
    assert edges(files)["y/y_test.go", "x/x.go"] == ("runtime",)


def test_every_variant_of_a_build_is_meant() -> None:
    """Build tags are not looked at."""
    files = {
        "go.mod": "module m",
        "x/x_linux.go": "package x\n\nfunc F() {}\n",
        "x/x_other.go": "//go:build !linux\n\npackage x\n\nfunc F() {}\n",
        "x/tool.go": "//go:build ignore\n\npackage main\n\nfunc F() {}\n",
        "main.go": _main('import "m/x"', "x.F()"),
    }

    assert targets(files, "main.go") == {"x/x_linux.go", "x/x_other.go"}


def test_the_package_alone_is_less_certain() -> None:
    """An edge for which no use was found has half the confidence of one that was."""
    whole = graph({**BASE, "main.go": _main('import "example.com/app/store"', "")})

    assert [edge.confidence for edge in whole.edges] == [0.5]


def test_names_of_the_own_package_are_told_when_asked_for() -> None:
    """What a file neither declares nor binds is its package's: an edge of its own kind, which is no import."""
    files = {
        "go.mod": "module m",
        "a.go": "package m\n\ntype Shape struct {\n\tSize int\n}\n\nfunc helper() {}\n",
        "b.go": "package m\n\nfunc use(s *Shape) { helper() }\n",
        "c.go": "package m\n\nfunc f(helper func()) { helper(); _ = T{Shape: 1} }\n\ntype T struct {\n\tShape int\n}\n",
        "a_test.go": "package m_test\n\nfunc x() { helper() }\n",
    }

    assert edges(files) == {("b.go", "a.go"): ("same-package",)}
    assert graph(files).stats.local == 0


def test_outcomes_are_counted() -> None:
    """A package of a module of this repository that is not there is unresolved, one of another module external."""
    imported = 'import (\n"fmt"\n"C"\n"example.com/other"\n"example.com/app/gone"\n"example.com/app/store"\n)'
    stats = graph({**BASE, "main.go": _main(imported, "store.New()")}).stats

    assert (stats.local, stats.external, stats.unresolved_local) == (1, 3, 1)


@pytest.mark.parametrize("text", [b"\xff\xfe\x00", b"mod\x00ule", b"replace => =>\nmodule", b"(" * 5000, b"module (\n"])
def test_a_broken_go_mod_costs_nobody_else_an_edge(text: bytes) -> None:
    """A go.mod of garbage counts as absent and is named."""
    files = {**BASE, "bad/go.mod": text, "main.go": _main('import "example.com/app/store"', "store.New()")}

    whole = graph(files)

    assert len(whole.edges) == 1
    assert whole.unreadable == ("bad/go.mod",)


def test_a_broken_file_keeps_its_imports() -> None:
    """A file with syntax errors gives what could be read, and says so."""
    source = b'package main\n\nimport (\n\t"fmt"\n\ts "m/x"\n)\n\nfunc main() { s.F( }}} = func\n'

    parsed = read("go", source)

    assert parsed.status == "partial"
    assert [(one.module, one.names) for one in parsed.imports][1:] == [("fmt", ()), ("m/x", ("F",))]


SAMPLES = (
    b'package a\n\nimport "x/y"\n\nvar (\n\tA, B = 1, 2\n\n\tC = `\n\tD = 1\n`\n)\n\nfunc (r R) M() { y.Z() }\n',
    b'package a // "\n\nimport (\n\t/* "no" */ "x/y"\n\t. "p"\n\t_ "q"\n)\n\nconst r = \'"\'\nfunc F() { type L T }\n',
    b'package a\r\n\r\nimport "x"\r\n\r\ntype (\r\n\tT struct{ F x.Y }\r\n\tU = T\r\n)\r\n',
    b'package a\n\nvar s = "\\"" + x.Y\n\nfunc G[T any](t T) { var inner = 1; _ = inner }\n',
)


@pytest.mark.parametrize("source", SAMPLES)
def test_the_scan_equals_the_grammar(source: bytes) -> None:
    """The fast reading gives what the exact one gives, statement for statement and name for name."""
    scan = known()["go"].scan

    assert scan is not None
    assert scan(source) == parse_imports("go", source)


@pytest.mark.parametrize(
    "source",
    [
        b"{" * 100_000,
        b'import "' * 50_000,
        b"a." * 70_000,
        b"const(" * 50_000,
        b"(" + b"a," * 70_000,
        b"`" * 9999,
        b"'" * 9999,
    ],
    ids=["braces", "imports", "chains", "lists", "commas", "ticks", "quotes"],
)
def test_hostile_text_is_read_or_given_up(source: bytes) -> None:
    """No text makes reading raise or run on."""
    assert read("go", b"package a\n" + source).status in {"parsed", "partial", "failed"}


def _each(text: bytes, times: int) -> bytes:
    """Repeat a text with a number of its own in each."""
    return b"".join(text % number for number in range(times))


@pytest.mark.parametrize(
    "shape",
    [
        lambda n: b'import "x"\n' * n + _each(b"x.A%d\n", n),
        lambda n: _each(b'import "%d/x"\n', n) + _each(b"x.A%d\n", n),
        lambda n: _each(b'import y "%d/x"\n', n) + _each(b"y.A%d\n", n),
        lambda n: _each(b'import . "%d/x"\n', n) + _each(b"A%d\n", n),
        lambda n: b'import "x"\n' + b"q" * n * 9 + b".A\n" + _each(b"q%d.A\n", n),
        lambda n: b"import " + b" " * n * 9 + b"func " + b" " * n * 9 + b"x." + b" " * n * 9,
        lambda n: b"a:=b,c;" * n,
        lambda n: b"var (a, b,\n" * n,
        lambda n: b" a, b, c d\n" * n,
        lambda n: b"interface {" * n,
        lambda n: b"'\\" * n,
    ],
    ids=["equal", "ends", "aliases", "dots", "long", "blanks", "assigned", "lists", "fields", "interfaces", "escapes"],
)
def test_the_cost_of_a_text_grows_as_the_text_does(shape: Callable[[int], bytes]) -> None:
    """No shape of a file takes the square of its length, in time or in memory."""
    assert_even("go", lambda times: b"package p\n" + shape(times), 3000)


def test_the_cost_of_resolving_grows_as_the_text_does() -> None:
    """A file that asks one package for the same names again and again asks once."""

    def resolved(times: int) -> int:
        uses = "".join(f"\tx.A{number}()\n" for number in range(times))
        files = {
            "go.mod": "module m",
            "x/x.go": "package x\n" + "".join(f"func A{number}() {{}}\n" for number in range(times)),
            "main.go": "package main\n" + 'import x "m/x"\n' * times + f"func main() {{\n{uses}}}\n",
        }
        return len(edges(files))

    assert_linear(resolved, 1000)


def test_a_module_beside_the_repository_root() -> None:
    """A replacement may be the root of the repository, whose path is empty."""
    files = {
        "go.mod": "module example.com/elsewhere",
        "up.go": "package up\n\nfunc F() {}\n",
        "app/go.mod": "module app\n\nreplace example.com/up => ../\n",
        "app/main.go": _main('import "example.com/up"', "up.F()"),
    }

    assert targets(files, "app/main.go") == {"up.go"}
