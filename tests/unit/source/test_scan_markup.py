"""The scan of files with JSX: the words of a page are neither strings nor comments."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from growth import assert_linear
from hypothesis import given, settings
from hypothesis import strategies as st
from readings_of import agree, certain, scanned

from edge_worker.source.reader import parse_imports

MARKUP = [
    "const a = <p>Don't panic <img src={require('./logo')} /></p>\n",
    "const a = <T>Can't load <A of={() => import('./A')} fallback=\"we'll see\" /></T>\n",
    "const a = <p>see http://example.org {require('./y').name}</p>\n",
    "const a = <code>/api/*</code>\nconst b = <L load={() => import('./P')} />\nconst c = <p>{/* done */}</p>\n",
    "const a = <code>/*</code>\nexport * from './x'\nconst b = <p>*/</p>\n",
    "const a = <p>a ` b {import('./x')} ` c</p>\n",
    "const a = <code>import('./a')</code>\n",
    "const a = (\n  <pre>\nimport a from './a'\n  </pre>\n)\n",
    "const a = <p>it's {new URL('./x', import.meta.url)} isn't</p>\n",
    "const a = <p>/*</p>\n/// <reference path='./r' />\nconst b = <p>*/</p>\n",
    "function f() {\n  return<p>it's <b a={require('./x')}/></p>\n}\n",
    "const a = <\n  p>it's <b a={require('./x')}/></p>\n",
]


@pytest.mark.parametrize("language", ["javascript", "tsx"])
@pytest.mark.parametrize("text", MARKUP, ids=range(len(MARKUP)))
def test_what_follows_markup_is_left_to_the_grammar(language: str, text: str) -> None:
    """Apostrophes, slashes and backticks of a page are no strings and no comments, and hide no import."""
    assert scanned(language, text.encode()) is None
    assert parse_imports(language, text.encode()).status == "parsed"


@pytest.mark.parametrize("language", ["javascript", "tsx"])
def test_imports_before_markup_are_read_with_certainty(language: str) -> None:
    """Neither a tag in a comment or a string nor what stands on the page takes the certainty from what is above."""
    text = (
        "// A <a@b.c>\n/* <p> */\nimport a from './a'\nconst b = '<p>'\nconst c = lazy(() => import('./c'))\n"
        "export const D = () => <p>Don't import, http://e.org/* `</p>\nexport { c }\n"
    )

    assert [one.module for one in certain(language, text.encode())] == ["./a", "./c"]


SOUP = ["'", '"', "`", "//", "/*", "*/", "{", "}", "<p>", "</p>", "<b/>", "<b a={", "} />", "<>", "</>", "it's", "\n"]
WORDS = [
    "import './a'\n",
    "require('./b')",
    "{require('./c')}",
    "() => import('./d')",
    "a <b",
    "f<T>(",
    ")",
    "// <p>\n",
    " ",
]


@settings(max_examples=600, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from([*SOUP, *WORDS]), max_size=12), st.sampled_from(["javascript", "tsx"]))
def test_no_soup_of_tags_misleads_the_scan(parts: list[str], language: str) -> None:
    """Tags, quotes and braces in any order never make the scan say what the grammar does not."""
    assert agree(language, "".join(parts).encode())


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.lists(
        st.sampled_from([*SOUP[:6], "it's ", "{require('./c')}", "{() => import('./d')}", "<b/>", "a "]), max_size=8
    )
)
def test_no_page_misleads_the_scan(parts: list[str]) -> None:
    """Whatever the words of a page are, an import among them is found or left to the grammar."""
    assert agree("tsx", f"import './a'\nconst b = <p>{''.join(parts)}</p>\n".encode())


@pytest.mark.parametrize(
    "shape",
    [
        lambda n: b"'</' + '<a " * n + b"'; import('b')",
        lambda n: b"'</'\n" + b"'" + b" <a" * n + b"'; import('b')",
        lambda n: b"// </" + b" <a" * n + b"\nimport('b')",
        lambda n: b"'</'; import('b');" * n,
    ],
    ids=["strings", "string", "comment", "calls"],
)
def test_the_cost_of_markup_grows_as_the_text_does(shape: Callable[[int], bytes]) -> None:
    """No number of tags, or of what looks like them, takes the scan the square of the length of a text."""
    assert_linear(lambda times: scanned("tsx", shape(times)), 5000)
