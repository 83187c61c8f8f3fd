"""The scan of JavaScript and TypeScript: what the grammar gives, on texts made to mislead it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from growth import assert_linear
from hypothesis import given, settings
from hypothesis import strategies as st
from readings_of import agree, certain, scanned

# (text, how many statements the scan must find with certainty, in all three dialects)
CERTAIN = [
    ("", 0),
    ("import a from './a'\n", 1),
    ("import'./a';import b from\"./b\";export*from'./c'", 3),
    ("import a, { b as c, default as d } from './a'\nimport * as e from './b'\n", 2),
    ("import {\n  a, // from './x'\n  /* ** from './y' */ b,\n} from './a'\n", 1),
    ("import { 'a b' as c } from './a'\nexport { c as 'd e' } from './b'\n", 2),
    ("import type from './a'\nimport a from './b' with { type: 'json' }\n", 2),
    ("export * from './a'\nexport * as b from './c'\nexport { d, e as f } from './g'\n", 3),
    ("export { a, b }\nexport default c\nexport const d = './e'\nexport {\n  f,\n}\n", 0),
    ("// import './a'\n/* import './b' */\n/**\n * import './c'\n import './d'\n */\n", 0),
    ("const a = `\nimport './b'\n`\nimport './c'\n", 1),
    ("const a = `${b ? `c` : '`'}`\nimport './d'\n", 1),
    ("const a = '`'\nimport './b'\nconst c = '`'\n", 1),
    ("const a = /[`'\"]/.test(b) // it's `\nimport './c'\n", 1),
    ("const a = 'src/**/*.ts'\nimport './b'\nconst c = '*/'\n", 1),
    ("const a = b / c / d // '\nimport './e'\n", 1),
    ("const a = \"import './b'\"\nfoo('require(\"./c\")')\n", 0),
    ("var a = require('./a')\nvar b = require(\"b\"), c = require('./c').d\n", 3),
    ("const {\n  a,\n  b,\n} = require('./a')\n", 1),
    ("module.exports = {\n  ...require('./a'),\n  ...b.require('./c'),\n}\n", 1),
    ("jest.mock('./a', () => ({\n  b: {\n    ...jest.requireActual('./a'),\n  },\n}))\n", 2),
    ("module.exports = {\n  a: require('./a'),\n  b: [\n    require('./b'),\n  ],\n}\n", 2),
    ("function f() {\n  return require('./a')\n}\n", 1),
    ("class A {\n  b() {\n    require('./a')\n  }\n\n  static async c(d = 1) {\n    await import('./b')\n  }\n}\n", 2),
    ("if (a) {\n  require('./b')\n} else {\n  require('./c')\n}\n", 2),
    ("if (a)\n  require('./b')\nelse if (c) {\n  require('./d')\n}\n", 2),
    ("try {\n  require('./a')\n} catch (e) {\n  require('./b')\n} finally {\n  require('./c')\n}\n", 3),
    ("switch (a) {\n  case 1:\n    require('./b')\n  default: {\n    require('./c')\n  }\n}\n", 2),
    ("for (const a of b) {\n  require('./c')\n}\nwhile (d) {\n  require('./e')\n}\n", 2),
    ("const a = b ? require('./c') : require('./d')\n", 2),
    ("const a = b\n  ? require('./c')\n  : null\n", 1),
    ("const a = () => import('./b')\nconst c = async () => {\n  await import('./d')\n}\n", 2),
    ("it('a', async () => {\n  const { b } = await import('./c')\n})\n", 1),
    ("foo(\n  a,\n  () =>\n    import('./b'),\n)\n", 1),
    ("useEffect(() => {\n  a()\n}, [\n  require('./b'),\n])\n", 1),
    ("const f = function ({\n  a,\n}) {\n  return require('./b')\n}\n", 1),
    ("const x = [\n  {\n    a: () => import('./b'),\n  },\n]\n", 1),
    ("import(/* webpackChunkName: 'x' */ './a')\nimport(`./b`)\nimport(\n  './c'\n)\n", 3),
    ("require(a)\nrequire('a' + b)\nrequire(`./${a}`)\nimport(a)\nrequire('')\n", 0),
    ("foo.require('./a')\nrequireFoo('./b')\n$require('./c')\nfoo.import('./d')\n", 0),
    ("const a = { import: 1, export: 2, require: 3 }\nimport.meta.url\n", 0),
    ("/// <reference path='./a.d.ts' />\n/// <reference types=\"b\" />\n", 1),
    ("'use strict'\r\nimport a from './a'\r\nvar b = require('./b')\r\n", 2),
    ("#!/usr/bin/env node\nimport './a'\n", 1),
    (
        "#!/usr/bin/env node\n// import './x'\n/* import './y'\n*/ import a from './a'; import './b' // './c'\n\nb()\n",
        2,
    ),
    ("import a from './a'\nimport b from './b'\n\nexport { c } from './c'\nconst d = 1\nimport './d'\n", 4),
    ("import from from './a'\nimport type from './b'\nimport type, { from as b } from './c'\n", 3),
    ("import './a'\n/// <reference path='./r' />\nimport './b'\n", 3),
    ("import {\n  a,\n} from './a' /* ` */\nimport { b } from './b'\nconst c = `\nimport './x'\n`\n", 2),
    ("jest.mock('./a')\nvi.mock('./b', () => ({ c: 1 }))\njest.fn()\n", 2),
    ("const a = jest.requireActual('./a')\nconst b = require.resolve('./b')\n", 2),
    ("const a = new URL('./a.js', import.meta.url)\nnew URL('/b', c)\nnew URL('https://d.e')\n", 1),
    ("x()\n/* a */ import './b'\n", 1),
    ("({1:[function(require,module,exports){\nvar a = require('./a')\n},{}]})\n", 0),
]

TYPED = [
    ("import type { A } from './a'\nimport type B from './b'\nimport type * as C from './c'\n", 3),
    ("export type { A } from './a'\nimport { type B } from './b'\n", 2),
    ("import a = require('./a')\nimport b = c.d\n", 1),
    ("declare module './a' {\n  interface B {}\n}\ndeclare module 'c' {}\n", 1),
    ("declare module 'a' {\n  import b from './c'\n  export * from './d'\n}\n", 2),
    ("type A = import('./a').B\ntype C = typeof import('./c')\n", 2),
    ("type A = {\n  b: import('./c').D\n}\ninterface E {\n  f: typeof import('./g')\n}\n", 2),
    ("let a: typeof import('./a')\nlet b: import('./b').C | undefined\n", 2),
    ("class A {\n  private b(c: string): void {\n    require('./d')\n  }\n}\n", 1),
    ("function f(): Promise<{ a(): void }> {\n  return import('./b')\n}\n", 1),
    ("export class A<T> {\n  constructor(\n    private b: T,\n  ) {\n    require('./c')\n  }\n}\n", 1),
    ("enum A {\n  import = 1,\n}\n", 0),
    ("function f(a: import('./a').T): void\nfunction f(\n  b: import('./b').T,\n) {}\n", 2),
    ("const a = (b: import('./b').T) => b\nclass C {\n  constructor(private d?: import('./d').T) {}\n}\n", 2),
    ("interface A {\n  b?: Record<string, import('./b').T>;\n  c(d: readonly import('./d').T[]): void;\n}\n", 2),
    ("if (a) {\n  let b = c<\n    import('./d').T\n  >(e)\n}\n", 1),
]

UNSURE = [
    "const a = `${b ? `\nimport './c'\n` : '`'}`\nimport './d'\n",
    "const a = () =>\nrequire('./b')\n",
    "if (\n  a\n)\nrequire('./b')\n",
    "(function () {\nvar a = require('./a')\n})()\n",
    "function f()\n{\n  require('./a')\n}\n",
    "const a = '{'\nrequire('./b')\n",
    "const a = 'b\\\nimport \\'./c\\''\n",
    "const a = `${require('./b')}`\n",
    "const a = `unfinished\nimport './b'\n",
    "require('./a') ? b : c\n",
    "require('./a')\n  ? b\n  : c\n",
    "if (a)\nrequire('./b')\n",
    "a\r\nimport './b'\rimport './c'\n",
    "<p>don't `\nimport './a'\n</p>\n",
    "const a = <B>{`\nimport './c'\n`}</B>\n",
    "function f(a = require('./b')) {}\n",
    "import a, * as b from './c'\nimport d from\n",
    "x = a\n/b/g; require('./c')\n/d\n",
    "label: { require('./a') }\n",
    "export import a = require('./b')\n",
    "import defer * as a from './b'\n",
    "import.defer('./a')\n",
    "import './a'\nfrom './b'\n",
    "import type from\nimport './b'\n",
    "import './a' import './b'\n",
    "f(a < b, import('./c').d > e)\n",
    "f({ a, b: import('./c').d })\n",
    "f(\n  a ? (b) : import('./c').d,\n)\n",
    "f( // (\nb: import('./c').d)\n",
]
DIALECTS = ["javascript", "typescript", "tsx"]


@pytest.mark.parametrize("language", DIALECTS)
@pytest.mark.parametrize(("text", "count"), CERTAIN, ids=range(len(CERTAIN)))
def test_plain_text_is_read_with_certainty(language: str, text: str, count: int) -> None:
    """Text that people write is read without a parser, and as the parser reads it: kinds and lines."""
    assert len(certain(language, text.encode())) == count


@pytest.mark.parametrize("language", DIALECTS[1:])
@pytest.mark.parametrize(("text", "count"), TYPED, ids=range(len(TYPED)))
def test_plain_typescript_is_read_with_certainty(language: str, text: str, count: int) -> None:
    """What TypeScript adds is read without a parser as well."""
    assert len(certain(language, text.encode())) == count


@pytest.mark.parametrize("language", DIALECTS)
@pytest.mark.parametrize("text", [*UNSURE, *(text for text, _ in TYPED)], ids=range(len(UNSURE) + len(TYPED)))
def test_misleading_text_is_left_to_the_grammar_or_read_alike(language: str, text: str) -> None:
    """Where lines alone do not tell, the scan says so, or says what the grammar says."""
    assert agree(language, text.encode())


@pytest.mark.parametrize("source", ["import './a'\n".encode("utf-16"), b"import './a'\n\0", b"import './a'\rb()\r"])
def test_text_that_must_be_decoded_first_is_left_to_the_grammar(source: bytes) -> None:
    """What is not UTF-8 with plain line ends is not scanned."""
    assert scanned("typescript", source) is None


def test_types_in_javascript_are_left_to_the_grammar() -> None:
    """Flow writes types in JavaScript, which the grammar of JavaScript takes for errors."""
    assert scanned("javascript", b"import type { A } from './a'\n") is None


@pytest.mark.parametrize("language", ["typescript", "tsx"])
@pytest.mark.parametrize(
    "text",
    ["let\nt: import('./a').T\n", "const a = {\n  b: import('./c').d,\n}\n", "const a = { b: import('./c').d }\n"],
    ids=["label", "key", "short"],
)
def test_what_may_be_a_label_or_a_key_is_left_to_the_grammar(language: str, text: str) -> None:
    """Behind a name and a colon an ``import()`` may be a type or a call."""
    assert scanned(language, text.encode()) is None


@pytest.mark.parametrize("language", DIALECTS)
def test_reference_behind_something_else_is_left_to_the_grammar(language: str) -> None:
    """A reference need not begin its line."""
    assert scanned(language, b";/// <reference path='./r' />\n") is None


def test_script_blocks_are_scanned() -> None:
    """The blocks of a component are read without a parser, with the lines of the whole file."""
    source = (
        b"<template>\n  <a>import './x'</a>\n</template>\n<script setup lang='ts'>\nimport b from './b'\n</script>\n"
    )

    assert [(one.module, one.line) for one in certain("vue", source)] == [("./b", 5)]


STATEMENTS = (
    "import a from './a'",
    "export { b } from './b'",
    "const c = require('./c')",
    "const d = await import('./d')",
    "e(require('./e'), () => import('./f'))",
    "const g = h ? require('./h') : i",
    "const j = `\n{0}import './k'\n`",
    "// it's {0}(",
    "/* {\n import './l'\n */",
    "const m = 'import \"./n\" {'",
    "const o = /['`{]/",
    "jest.mock('./p')",
    "const q = { r: require('./r') }",
)
HEADS = (
    ("if (a) {", "}"),
    ("if (a) {\n{0}  b()\n{0}} else {", "}"),
    ("try {", "} catch (e) {}"),
    ("function f(a, {\n{0}  b,\n{0}}) {", "}"),
    ("const g = async () => {", "}"),
    ("it('h', function () {", "})"),
    ("class I {\n{0}  j() {}\n{0}  k(l = {}) {", "}}"),
    ("for (const m of n) {", "}"),
    ("o.p(\n{0}  q,\n{0}  () => {", "})"),
    ("const r = {\n{0}  s() {", "}}"),
    ("{", "}"),
    ("do {", "} while (t)"),
)
BLOCKS = st.recursive(
    st.sampled_from(STATEMENTS),
    lambda inner: st.tuples(st.sampled_from(HEADS), st.lists(inner, min_size=1, max_size=4)),
    max_leaves=10,
)


def written(block: object, indent: str = "") -> str:
    if isinstance(block, str):
        return f"{indent}{block.replace('{0}', indent)}\n"
    assert isinstance(block, tuple)
    (head, tail), body = block
    inner = "".join(written(one, f"{indent}  ") for one in body)
    return f"{indent}{head.replace('{0}', indent)}\n{inner}{indent}{tail}\n"


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(BLOCKS, max_size=5), st.sampled_from(DIALECTS))
def test_any_nesting_is_read_as_the_grammar_reads_it(blocks: list[object], language: str) -> None:
    """However statements, texts and functions are nested, the scan is silent or right."""
    assert agree(language, "".join(written(block) for block in blocks).encode())


SOUP = ["`", "'", '"', "//", "/*", "*/", "${", "{", "}", "(", ")", "\n", "\\", "/", " ", "=", "a"]
WORDS = ["import './a'\n", "require('./b')", "\nexport * from './c'\n", "=>", "if", "?", ":", "\n  "]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from([*SOUP, *WORDS]), max_size=14), st.sampled_from(DIALECTS))
def test_no_soup_of_quotes_misleads_the_scan(parts: list[str], language: str) -> None:
    """Quotes, comments, templates and brackets in any order never make the scan say what the grammar does not."""
    assert agree(language, "".join(parts).encode())


@pytest.mark.parametrize(
    "shape",
    [
        lambda n: b'import("a");' * n,
        lambda n: b'require("a"),' * n,
        lambda n: b'require("a"),' * n + b"\n" * n * 10,
        lambda n: b'{ import a from "a"; }' * n,
        lambda n: b"a/" * n + b'import("a")',
        lambda n: b"=/[" * n + b'import("a")',
        lambda n: b"`` " * n + b'import("a")',
        lambda n: b"`" + b'${b} import("a") ' * n + b'`;import("c")',
        lambda n: b"`${" + b"/*" * n + b'\nimport("a")',
        lambda n: b"`${" + b"'\\" * n + b'\nimport("a")',
        lambda n: b"f(function() {'\\" + b"'\\" * n + b'\n  import("a")',
        lambda n: b"if(" * n + b'\nimport("a")',
    ],
    ids=[
        "calls",
        "list",
        "blanks",
        "blocks",
        "slashes",
        "classes",
        "ticks",
        "holes",
        "comments",
        "texts",
        "escapes",
        "ifs",
    ],
)
def test_the_cost_of_a_text_grows_as_the_text_does(shape: Callable[[int], bytes]) -> None:
    """No shape of a text, however long its lines, takes the scan the square of its length."""
    assert_linear(lambda times: scanned("typescript", shape(times)), 5000)


def test_any_depth_of_blocks_is_read() -> None:
    """Blocks that are nested by the thousand neither end the scan nor hide an import from it."""
    lines = [b" " * depth + b"if (a) {\n" for depth in range(1200)]
    source = b"".join(lines) + b" " * 1200 + b'import("a")\n' + b"}" * 1200

    parsed = scanned("javascript", source)

    assert parsed is not None
    assert [(one.module, one.kinds) for one in parsed.imports] == [("a", ("dynamic-literal", "conditional"))]
