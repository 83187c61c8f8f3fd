"""The rules of Rust, each on a small repository."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from growth import assert_even
from small_repository import edges, graph, links, targets

from edge_worker.source.languages.registry import known
from edge_worker.source.reader import parse_imports, read

CARGO = '[package]\nname = "my-app"\nedition = "2021"\n'
TREE = {
    "Cargo.toml": CARGO,
    "src/lib.rs": "pub mod a;\nmod b;\npub struct Root;\n",
    "src/a.rs": "pub mod deep;\npub struct A;\n",
    "src/a/deep.rs": "pub fn go() {}\n",
    "src/b/mod.rs": "pub mod inner;\n",
    "src/b/inner.rs": "",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("use crate::a::A;", {"src/a.rs"}),
        ("use crate::a::deep;", {"src/a/deep.rs"}),
        ("use crate::a::deep::go;", {"src/a/deep.rs"}),
        ("use crate::Root;", {"src/lib.rs"}),
        (
            "use crate::{a::{deep::go, A}, b as other, Root};",
            {"src/a.rs", "src/a/deep.rs", "src/b/mod.rs", "src/lib.rs"},
        ),
        ("use crate::a::{self, deep::*};", {"src/a.rs", "src/a/deep.rs"}),
        ("use super::inner::X;", {"src/b/inner.rs"}),
        ("use super::super::a::A;", {"src/a.rs"}),
        ("use super::super::super::a;", set()),
        ("pub(crate) use crate::a as r#type;", {"src/a.rs"}),
        ("use self::nested::X; mod nested { pub struct X; use super::super::inner; }", {"src/b/inner.rs"}),
        ("use std::fmt; use serde::{Deserialize, a};", set()),
        ("fn f() { crate::a::deep::go(); }", {"src/a/deep.rs"}),
        ("use crate::a; fn f() { a::deep::go(); }", {"src/a.rs", "src/a/deep.rs"}),
        (
            '// use crate::a;\n/* use crate::a; /* use crate::a; */ use crate::a; */ const X: &str = "use crate::a;";',
            set(),
        ),
        (
            'const X: &str = r#"" use crate::a; "#; const Y: char = \'"\'; fn f<\'a>() {} use crate::b;',
            {"src/b/mod.rs"},
        ),
        ("macro_rules! m { () => { $crate::a::deep::go() } }", {"src/a/deep.rs"}),
        ("wrap! { pub use crate::a::A; }", {"src/a.rs"}),
    ],
)
def test_a_path_means_its_longest_module(text: str, expected: set[str]) -> None:
    """A path, in a use or in the code, means the file of the longest part of it that is a module."""
    files = {**TREE, "src/b/mod.rs": "pub mod inner;\npub mod here;\n", "src/b/here.rs": text}

    assert targets(files, "src/b/here.rs") == expected


@pytest.mark.parametrize(
    ("where", "text", "file"),
    [
        ("src/lib.rs", "mod x;", "src/x.rs"),
        ("src/lib.rs", "mod x;", "src/x/mod.rs"),
        ("src/a.rs", "mod x;", "src/a/x.rs"),
        ("src/a.rs", "pub(in crate::a) mod r#x;", "src/a/x.rs"),
        ("src/b/mod.rs", "mod x;", "src/b/x.rs"),
        ("src/lib.rs", '#[path = "odd/name.rs"] // why\nmod x;', "src/odd/name.rs"),
        ("src/a.rs", '#[cfg(unix)]\n#[path = "odd/name.rs"]\npub mod x;', "src/odd/name.rs"),
        ("src/lib.rs", '#[cfg_attr(windows, path = "win.rs")]\nmod x;', "src/win.rs"),
        ("src/lib.rs", '#[cfg_attr(windows, path = "win.rs")]\nmod x;', "src/x.rs"),
        ("src/lib.rs", "mod outer { mod x; }", "src/outer/x.rs"),
        ("src/a.rs", "mod outer { mod x; }", "src/a/outer/x.rs"),
        ("src/lib.rs", 'mod outer { #[path = "odd.rs"] mod x; }', "src/outer/odd.rs"),
        ("src/lib.rs", "some_macro! { pub mod x; }", "src/x.rs"),
        ("tests/all.rs", "mod x;", "tests/x.rs"),
        ("examples/demo/main.rs", "mod x;", "examples/demo/x.rs"),
        ("src/bin/tool.rs", "mod x;", "src/bin/x.rs"),
        ("build.rs", "mod x;", "x.rs"),
    ],
)
def test_a_module_is_declared_by_the_file_above_it(where: str, text: str, file: str) -> None:
    """``mod x;`` means a file beside a root or a mod.rs, below any other file, or where ``#[path]`` says."""
    assert targets({**TREE, where: f"mod a; mod b;\n{text}", file: ""}, where) >= {file}


def test_a_file_taken_by_a_path_has_its_modules_beside_it() -> None:
    """A module that ``#[path]`` placed looks for its own where the file lies, as a mod.rs does."""
    files = {
        "src/lib.rs": '#[path = "odd/name.rs"] mod x;',
        "src/odd/name.rs": "mod y;",
        "src/odd/y.rs": "use super::Z;",
    }

    assert set(edges({"Cargo.toml": CARGO, **files})) == {
        ("src/lib.rs", "src/odd/name.rs"),
        ("src/odd/name.rs", "src/odd/y.rs"),
        ("src/odd/y.rs", "src/odd/name.rs"),
    }


WORKSPACE = {
    "Cargo.toml": '[workspace]\nmembers = ["crates/*"]\n[workspace.dependencies]\nshared.path = "crates/shared"\n',
    "crates/shared/Cargo.toml": '[package]\nname = "shared"\n',
    "crates/shared/src/lib.rs": "pub mod text;",
    "crates/shared/src/text.rs": "",
    "crates/odd-name/Cargo.toml": '[package]\nname = "odd-name"\n[lib]\nname = "odd"\npath = "lib/start.rs"\n',
    "crates/odd-name/lib/start.rs": "",
}


@pytest.mark.parametrize(
    ("dependencies", "text", "expected"),
    [
        ("shared.workspace = true", "use shared::text::T;", "crates/shared/src/text.rs"),
        ('shared = { path = "../shared" }', "use shared::text::T;", "crates/shared/src/text.rs"),
        ('shared = "1"', "use ::shared::text;", "crates/shared/src/text.rs"),
        ('renamed = { package = "shared", path = "../shared" }', "use renamed::text::T;", "crates/shared/src/text.rs"),
        ('odd-name = { path = "../odd-name" }', "use odd::X;", "crates/odd-name/lib/start.rs"),
        (
            'odd-name = { path = "../odd-name" }',
            "extern crate odd as o; fn f() { o::x() }",
            "crates/odd-name/lib/start.rs",
        ),
        ('odd-name = { path = "../odd-name" }', "fn f() { odd::X::new() }", "crates/odd-name/lib/start.rs"),
        ("", "use shared::text::T;", None),
        ('other = "1"', "use other::T;", None),
    ],
)
def test_a_crate_is_known_by_its_dependency(dependencies: str, text: str, expected: str | None) -> None:
    """The name of a crate means the library of a dependency that lies here, by its path, its name or a rename."""
    files = {
        **WORKSPACE,
        "crates/app/Cargo.toml": f'[package]\nname = "app"\n[dev-dependencies]\n{dependencies}\n',
        "crates/app/src/main.rs": text,
    }

    assert targets(files, "crates/app/src/main.rs") == ({expected} if expected else set())


def test_every_root_knows_the_library_of_its_package() -> None:
    """Binaries, tests, benches and examples name their own package's library."""
    roots = ("src/main.rs", "src/bin/x.rs", "tests/t.rs", "benches/b.rs", "examples/e/main.rs", "declared/t.rs")
    files = {**TREE, "Cargo.toml": CARGO + '[[test]]\nname = "t2"\npath = "declared/t.rs"\n'}

    found = set(edges({**files, **dict.fromkeys(roots, "use my_app::a::A;")}))

    assert {(root, "src/a.rs") for root in roots} <= found


def test_a_file_of_two_crates_belongs_to_the_nearest() -> None:
    """``crate`` in a file that two crates hold means the root in which the path is a module, else the nearest one."""
    files = {
        "Cargo.toml": CARGO,
        "src/lib.rs": "mod both;",
        "src/main.rs": "mod both; mod own;",
        "src/own.rs": "",
        "src/both.rs": "use crate::own::X;",
    }

    assert targets(files, "src/both.rs") == {"src/own.rs"}


def test_a_file_that_only_a_macro_declares_has_its_place_by_custom() -> None:
    """A file that no ``mod`` names stands below the module of its folder."""
    files = {**TREE, "src/a/hidden.rs": "use super::A; use crate::b;"}

    assert targets(files, "src/a/hidden.rs") == {"src/a.rs", "src/b/mod.rs"}


def test_text_that_is_included() -> None:
    """``include!`` is an edge, other text an asset, and a path may begin at the manifest."""
    text = 'include!("gen.rs"); const A: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/NOTES.md"));'
    files = {**TREE, "src/lib.rs": text, "src/gen.rs": "", "NOTES.md": ""}

    assert edges(files) == {("src/lib.rs", "src/gen.rs"): ("runtime",)} | {
        pair: kinds for pair, kinds in edges(TREE).items() if pair[0] != "src/lib.rs"
    }
    assert links(files)["src/lib.rs", "NOTES.md"] == ("asset",)


def test_kinds() -> None:
    """An edge tells a re-export, a condition, a use within a function and a path in the code."""
    files = {
        "Cargo.toml": CARGO,
        "src/lib.rs": "pub use a::A;\n#[cfg(test)]\nmod b;\nmod a;\nfn f() { use crate::c::C; }\nmod c;"
        "\nfn g() { d::x() }\nmod d;",
        **{f"src/{name}.rs": "" for name in "abcd"},
    }

    assert {target: kinds for (_, target), kinds in edges(files).items()} == {
        "src/a.rs": ("re-export", "runtime"),
        "src/b.rs": ("conditional", "runtime"),
        "src/c.rs": ("nested", "runtime"),
        "src/d.rs": ("qualified", "runtime"),
    }


def test_outcomes_are_counted() -> None:
    """A module without a file is unresolved, a crate of somebody else external, a path in the code no import."""
    files = {
        "Cargo.toml": CARGO,
        "src/lib.rs": "mod gone; use std::io; use super::x; mod a; fn f() { a::b() }",
        "src/a.rs": "",
    }

    stats = graph(files).stats

    assert (stats.local, stats.external, stats.unresolved_local) == (1, 1, 2)


@pytest.mark.parametrize("text", [b"\xff\xfe\x00", b"[package", b"[[[[", b"a = " + b"[" * 5000])
def test_a_broken_manifest_costs_nobody_else_an_edge(text: bytes) -> None:
    """A Cargo.toml of garbage counts as absent and is named."""
    whole = graph({**TREE, "bad/Cargo.toml": text, "bad/src/lib.rs": "mod x;", "bad/src/x.rs": ""})

    assert len(whole.edges) == len(edges(TREE)) + 1
    assert whole.unreadable == ("bad/Cargo.toml",)


@pytest.mark.parametrize(
    "manifest",
    [
        "package = 1",
        "[package]\nname = 3\n[lib]\npath = 1",
        "[package]\n[dependencies]\na = 1\nb = {path = '../../..'}\n[target]\nx = 1",
    ],
)
def test_a_manifest_of_wrong_types_is_read_as_far_as_it_goes(manifest: str) -> None:
    """A value of another type than Cargo expects counts as absent."""
    files = {"Cargo.toml": manifest, "src/lib.rs": "mod x; use a::b; use b::c;", "src/x.rs": ""}

    assert targets(files, "src/lib.rs") == {"src/x.rs"}


def test_a_circle_of_paths_ends() -> None:
    """Modules that place each other in a circle are each taken once."""
    files = {
        "Cargo.toml": CARGO,
        "src/lib.rs": '#[path = "x.rs"] mod x;',
        "src/x.rs": '#[path = "lib.rs"] mod y; #[path = "x.rs"] mod z;',
    }

    assert set(edges(files)) == {("src/lib.rs", "src/x.rs"), ("src/x.rs", "src/lib.rs")}


def test_a_broken_file_keeps_its_imports() -> None:
    """A file with syntax errors gives what could be read, and says so."""
    parsed = read("rust", b"use crate::a::A;\nmod x;\nfn f( {{{ use crate::b;\n")

    assert parsed.status == "partial"
    assert [(one.module, one.names) for one in parsed.imports] == [
        ("crate::a", ("A",)),
        ("mod x", ()),
        ("crate", ("b",)),
    ]


SAMPLES = (
    b"use a::{b, c::{self as d, *}};\nmod x { use super::*; mod y; }\nfn f() { use q::r; d::go(); }\n",
    b'/// use no::no;\nconst A: &[u8] = br##"use "# no::no;"##; /* { */ use yes::Y;\n'
    b"fn g<'a>(c: char) { c == '{' || c == '\\''; }\n",
    b'#[cfg(x)]\n#[path = "a.rs"]\nmod b;\nextern crate c as d;\nwrap! { mod e; use crate::f; }\ninclude!("g.rs");\n',
    b"use a;\r\nmod b;\r\n\r\nimpl X for y::Z { fn f() { w::v::U::new(); } }\r\n",
)


@pytest.mark.parametrize("source", SAMPLES)
def test_the_scan_equals_the_grammar(source: bytes) -> None:
    """The fast reading gives what the exact one gives, statement for statement."""
    scan = known()["rust"].scan

    assert scan is not None
    assert scan(source) == parse_imports("rust", source)


@pytest.mark.parametrize(
    "source",
    [b"/* /* */ { */ use a;", b'/* a /* b */ say "hi */\nmod a;\nfn f() { g("x") }', b"fn f() {", b"}", b"use a; \0"],
)
def test_the_scan_knows_what_it_cannot_tell(source: bytes) -> None:
    """Comments in comments, unmatched braces and what is no text are left to the grammar."""
    scan = known()["rust"].scan

    assert scan is not None
    assert scan(source) is None


@pytest.mark.parametrize(
    "source",
    [
        b"{" * 100_000,
        b"use a::{" * 50_000,
        b"a::" * 70_000,
        b"mod a{" * 50_000,
        b"]mod a;" * 20_000,
        b'r#"' * 50_000,
        b"'" * 9999,
    ],
    ids=["braces", "trees", "paths", "modules", "attributes", "strings", "quotes"],
)
def test_hostile_text_is_read_or_given_up(source: bytes) -> None:
    """No text makes reading raise or run on."""
    assert read("rust", source).status in {"parsed", "partial", "failed"}


def test_a_comment_in_a_comment_ends_where_the_grammar_says() -> None:
    """What stands behind the inner end is still comment."""
    parsed = read("rust", b'/* a /* b */ say "hi */\nmod a;\nmod h { mod i; }\nfn f() { g("x") }')

    assert [one.module for one in parsed.imports] == ["mod a", "mod h::i"]
    assert parsed.declares == ("h",)


def _each(text: bytes, times: int) -> bytes:
    """Repeat a text with a number of its own in each."""
    return b"".join(text % number for number in range(times))


@pytest.mark.parametrize(
    "shape",
    [
        lambda n: b"use a::" + b"b" * n * 20 + b" as x;" + _each(b"x::b%d;", n),
        lambda n: b"use " + b"bbbbbbbbbbb::" * 63 + b"x;" + _each(b"x::b%d;", n),
        lambda n: b"use " + b"bbbbbbbbbbb::" * 63 + b"x;" + _each(b"use x::b%d;", n),
        lambda n: b"extern crate " + b"c" * n * 20 + b" as x;" + _each(b"x::b%d;", n),
        lambda n: b"mod " + b"m" * n * 20 + b" {" + _each(b"mod b%d;", n) + b"}",
        lambda n: b"mod mmmmmmmmmmmm {" * 63 + _each(b"mod b%d;", n) + b"}" * 63,
        lambda n: b"mod " + b"m" * 190 + b"{" + _each(b"self::b%d::c;", n) + b"}",
        lambda n: b"use " + b"bbbbbbbbbbb::" * 60 + b"{" + _each(b"a%d::b,", n) + b"};",
        lambda n: b"mod m{" * n,
        lambda n: b"/* /" * n + b"mod a;",
        lambda n: b'#[path = "a"]' * n + b"mod a;",
        lambda n: _each(b"use a%d as a;", n),
    ],
    ids=[
        "alias",
        "deep",
        "again",
        "crate",
        "module",
        "modules",
        "self",
        "group",
        "nested",
        "comments",
        "attributes",
        "chain",
    ],
)
def test_the_cost_of_a_text_grows_as_the_text_does(shape: Callable[[int], bytes]) -> None:
    """No shape of a file takes the square of its length, in time or in memory."""
    assert_even("rust", shape, 4000)
