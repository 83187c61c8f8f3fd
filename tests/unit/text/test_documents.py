"""Documents as chunks: one a section, under its headings."""

from __future__ import annotations

import pytest
from chunk_files import assert_whole, chunked, told

from edge_worker.text.documents import document_language
from edge_worker.text.measure import MOST

_MARKDOWN = """
Before.

# Install

Text.

```sh
# no heading
```

## On Linux ##

More.

Second
------

End.

# Use
"""
_RST = """
=====
Guide
=====

Text.

Install
=======

| a table? |

Linux
-----

More.

Use
===

End.
"""


def test_markdown_is_cut_at_its_headings() -> None:
    """Each section is a chunk with its heading path; what is fenced is no heading."""
    assert told(chunked("docs/guide.md", None, _MARKDOWN)) == [
        ("section", "", 1, 1),
        ("section", "Install", 3, 9),
        ("section", "Install > On Linux", 11, 13),
        ("section", "Install > Second", 15, 18),
        ("section", "Use", 20, 20),
    ]


def test_restructured_text_is_cut_at_its_titles() -> None:
    """Levels are told by the order in which the adornments come."""
    assert told(chunked("docs/guide.rst", None, _RST)) == [
        ("section", "Guide", 1, 5),
        ("section", "Guide > Install", 7, 10),
        ("section", "Guide > Install > Linux", 12, 15),
        ("section", "Guide > Use", 17, 20),
    ]


def test_a_section_says_where_it_stands() -> None:
    """The header of a section has the words of its heading path and of its file."""
    chunks = chunked("docs/guide.md", None, _MARKDOWN)

    assert [chunk.header for chunk in chunks[:3]] == [
        "docs guide",
        "install in docs guide",
        "install on linux in docs guide",
    ]


def test_a_long_section_is_cut_between_paragraphs() -> None:
    """Chunks of a long section hold whole paragraphs, as many as fit; a longer paragraph is cut by its lines."""
    short = "\n\n".join(["word " * 60 + "end."] * 7)
    long = "\n".join(["word " * 60] * 7)
    text = f"# Title\n\n{short}\n\n{long}"

    chunks = chunked("a.md", None, text)

    assert_whole(text, chunks)
    assert all(len("".join(chunk.text.split())) <= MOST for chunk in chunks)
    assert {chunk.symbol for chunk in chunks} == {"Title"}
    assert all(chunk.text.endswith("end.") for chunk in chunks[:3])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("docs/a.MD", "markdown", id="markdown"),
        pytest.param("a.rst", "rst", id="rst"),
        pytest.param("a.txt", "text", id="text"),
        pytest.param("pkg/README", "text", id="readme"),
        pytest.param("LICENSE", "text", id="licence"),
        pytest.param("Makefile", None, id="makefile"),
        pytest.param("a.py", None, id="program"),
    ],
)
def test_documents_are_known_by_their_names(path: str, expected: str | None) -> None:
    """A document's language is told by its suffix, or by a name that needs none."""
    assert document_language(path) == expected
