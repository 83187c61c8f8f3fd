"""What is read from the text of a Python file."""

from __future__ import annotations

import pytest

from edge_worker.source.reader import parse_imports


def read(text: str) -> list[tuple[str, tuple[str, ...], int, tuple[str, ...], int]]:
    found = parse_imports("python", text.encode()).imports
    return [(item.module, item.names, item.level, item.kinds, item.line) for item in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import a", [("a", (), 0, ("runtime",), 1)]),
        ("import a.b as c, d", [("a.b", (), 0, ("runtime",), 1), ("d", (), 0, ("runtime",), 1)]),
        ("from a import b as c, d", [("a", ("b", "d"), 0, ("runtime",), 1)]),
        ("from a import (  # why\n  b, # c\n  d,\n)", [("a", ("b", "d"), 0, ("runtime",), 1)]),
        ("from . import b", [("", ("b",), 1, ("runtime",), 1)]),
        ("from ...a.b import *", [("a.b", ("*",), 3, ("runtime",), 1)]),
        ("from .importer import imported", [("importer", ("imported",), 1, ("runtime",), 1)]),
        ("from a \\\n  .b import c", [("a.b", ("c",), 0, ("runtime",), 1)]),
        ("from __future__ import annotations", [("__future__", ("annotations",), 0, ("runtime",), 1)]),
        ("\n\nx = 1; import async_", [("async_", (), 0, ("runtime",), 3)]),
        ("try:\n  import a\nexcept ImportError:\n  import b", [
            ("a", (), 0, ("runtime", "conditional"), 2),
            ("b", (), 0, ("runtime", "conditional"), 4),
        ]),
        ("def f():\n  if x:\n    import a", [("a", (), 0, ("runtime", "nested", "conditional"), 3)]),
        ("if TYPE_CHECKING:\n  import a\nelse:\n  import b", [
            ("a", (), 0, ("type-only",), 2),
            ("b", (), 0, ("runtime",), 4),
        ]),
        ("if typing.TYPE_CHECKING:\n  from a import B", [("a", ("B",), 0, ("type-only",), 2)]),
        ("m = importlib.import_module('a.b')", [("a.b", (), 0, ("dynamic-literal",), 1)]),
        ("import_module('.b', __package__)", [("b", (), 1, ("dynamic-literal",), 1)]),
        ("__import__(\"a\")\npytest.importorskip('c')", [
            ("a", (), 0, ("dynamic-literal",), 1),
            ("c", (), 0, ("dynamic-literal",), 2),
        ]),
    ],
)  # fmt: skip
def test_python_imports(text: str, expected: list[object]) -> None:
    """Every form of import is read with its names, level, kinds and line."""
    assert read(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "# import a",
        '"""\nimport a\n"""',
        "x = 'import a'",
        "import_module(f'a.{b}')",
        "import_module(name)",
        "importer = 1",
    ],
)
def test_python_text_that_is_no_import(text: str) -> None:
    """Comments, strings and computed names give no import."""
    assert read(text) == []


def test_python_imports_survive_syntax_errors() -> None:
    """A file with syntax errors keeps its imports and is called partial, and its strings still give none."""
    text = 'import a\nprint "old", x\ndef (:\nfrom b import c\n\n"""\nimport never\n"""\n'

    parsed = parse_imports("python", text.encode())

    assert parsed.status == "partial"
    assert [item.module for item in parsed.imports] == ["a", "b"]
