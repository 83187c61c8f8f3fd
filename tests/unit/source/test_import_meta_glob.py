"""Files that a bundler imports by a pattern."""

from __future__ import annotations

import pytest
from growth import assert_linear
from small_repository import Files, repository

from edge_worker.source.languages.javascript.globbed import named_globs
from edge_worker.source.languages.javascript.globbed_resolver import GlobResolver

FILES = {
    "a/package.json": "{}",
    "a/src/main.ts": "",
    "a/src/p/x.ts": "",
    "a/src/p/y.vue": "",
    "a/src/p/q/x.test.ts": "",
    "a/src/p/.z.ts": "",
    "a/src/p/node_modules/n/n.ts": "",
    "b/x.ts": "",
}


def found(text: str, files: Files = FILES) -> set[str]:
    """Return the files that a text of ``a/src/main.ts`` names by pattern."""
    resolver = GlobResolver(repository(files))
    statements = named_globs(text.encode())
    return {target.path for one in statements for target in resolver.resolve("a/src/main.ts", one).targets}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import.meta.glob('./p/*.ts')", {"a/src/p/x.ts"}),
        (
            "const m = import.meta.glob<{ a: B }>(`./p/**/*.ts`, { eager: true })",
            {"a/src/p/x.ts", "a/src/p/q/x.test.ts"},
        ),
        ("import.meta.glob([\n  './p/**/*.ts',\n  '!**/*.test.ts',\n])", {"a/src/p/x.ts"}),
        ("import.meta.glob('/src/p/*.{ts,vue}')", {"a/src/p/x.ts", "a/src/p/y.vue"}),
        ("import.meta.glob('../../b/?.ts')", {"b/x.ts"}),
        ("import.meta.glob('./p/x.ts')", {"a/src/p/x.ts"}),
        ("import.meta.glob('@/p/*.ts'); import.meta.glob('../../../*.ts')", set()),
        ("import.meta.glob(a); import.meta.glob(`./${a}/*.ts`); foo.import.meta.glob('./p/*.ts')", set()),
        ("// import.meta.glob('./p/*.ts')\n/*\nimport.meta.glob('./p/*.ts') */ 'import.meta.glob(`./p/*.ts`)'", set()),
    ],
    ids=range(9),
)
def test_files_of_a_pattern(text: str, expected: set[str]) -> None:
    """Literal patterns name the files that a bundler would import, and no comment or string does."""
    assert found(text) == expected


def test_line_and_kind_of_a_pattern() -> None:
    """A pattern names files, and is no import of any."""
    (statement,) = named_globs(b"a\nimport.meta.glob('./x')\n")

    assert (statement.line, statement.kinds) == (2, ("mentioned",))


def test_hostile_patterns_end() -> None:
    """Braces in braces, and as many as there can be, cost little and find what is there."""
    braces = "{a,b}" * 90
    files = {f"a/src/p/{number}.ts": "" for number in range(3000)}

    assert found(f"import.meta.glob('./{braces}')", files) == set()
    assert len(found("import.meta.glob('./p/**/**/**/*.ts')", files)) == 1000


def test_a_text_of_nothing_but_patterns_is_read_once() -> None:
    """The lines of thousands of calls are counted as the text is read, and those beyond the limit name nothing."""
    calls = list(named_globs(b"import.meta.glob('./x')\n" * 40_000))

    assert [calls[0].line, calls[-1].line, len(calls)] == [1, 1000, 1000]
    assert_linear(lambda times: list(named_globs(b"\n" * times + b"import.meta.glob('./x'); " * 900)), 100_000)
