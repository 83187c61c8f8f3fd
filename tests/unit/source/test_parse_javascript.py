"""What is read from the text of a JavaScript or TypeScript file."""

from __future__ import annotations

import pytest

from edge_worker.source.reader import parse_imports


def read(text: str, language: str) -> list[tuple[str, tuple[str, ...], int]]:
    return [(item.module, item.kinds, item.line) for item in parse_imports(language, text.encode()).imports]


@pytest.mark.parametrize("language", ["javascript", "typescript", "tsx"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import a from './a'", ("./a", ("runtime",), 1)),
        ("import './a'", ("./a", ("runtime",), 1)),
        ("import {\n  a, // from 'x'\n} from './a'", ("./a", ("runtime",), 1)),
        ("\nexport * from './a'", ("./a", ("runtime", "re-export"), 2)),
        ("export { a as b } from './a'", ("./a", ("runtime", "re-export"), 1)),
        ("const a = require('./a')", ("./a", ("runtime",), 1)),
        ("function f() { return require(/* c */ './a').b }", ("./a", ("runtime", "nested"), 1)),
        ("if (x) { require('./a') }", ("./a", ("runtime", "conditional"), 1)),
        ("const a = await import('./a')", ("./a", ("dynamic-literal",), 1)),
        ("import(/* webpackChunkName: 'x' */ `./a`)", ("./a", ("dynamic-literal",), 1)),
        ("/// <reference path='a.d.ts' />", ("./a.d.ts", ("type-only",), 1)),
    ],
)
def test_javascript_imports(language: str, text: str, expected: object) -> None:
    """Every form of import that JavaScript has is read, in every dialect."""
    assert read(text, language) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import type { A } from './a'", ("./a", ("type-only",), 1)),
        ("export type { A } from './a'", ("./a", ("type-only", "re-export"), 1)),
        ("import a = require('./a')", ("./a", ("runtime",), 1)),
        ("type A = import('./a').B", ("./a", ("type-only",), 1)),
        ("let a: typeof import('./a')", ("./a", ("type-only",), 1)),
        ("if (a) { function f(b: import('./a').B) {} }", ("./a", ("type-only",), 1)),
        ("declare module './a' { interface B {} }", ("./a", ("type-only",), 1)),
    ],
)
def test_typescript_imports(text: str, expected: object) -> None:
    """The forms that TypeScript adds are read and known as types."""
    assert read(text, "typescript") == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "// import './a'",
        "/* require('./a') */",
        "const a = \"import './a'\"",
        "const a = `\nimport './a'\n`",
        "require(name)",
        "import(`./${name}`)",
        "requires('./a')",
    ],
)
def test_javascript_text_that_is_no_import(text: str) -> None:
    """Comments, strings and computed names give no import."""
    assert read(text, "typescript") == []


def test_declared_package_is_no_import() -> None:
    """Declaring a module by a package's name describes it and imports nothing."""
    assert read("declare module 'pkg' { interface B {} }", "typescript") == []


def test_javascript_imports_survive_what_the_grammar_cannot_read() -> None:
    """A re-export with attributes, which the grammar misreads, is salvaged from its line."""
    text = "import a from './a'\nexport { b } from './b.json' with { type: 'json' }\n// import './never'\n"

    parsed = parse_imports("typescript", text.encode())

    assert parsed.status == "partial"
    assert [item.module for item in parsed.imports] == ["./a", "./b.json"]
