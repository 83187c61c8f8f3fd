"""Jupyter notebooks: which of their lines are Python, and what those import."""

from __future__ import annotations

import json
from typing import Any

import pytest
from readings_of import agree
from small_repository import edges

from edge_worker.source.languages.python.notebook import program
from edge_worker.source.languages.registry import language_of
from edge_worker.source.parse.statement import Parsed
from edge_worker.source.reader import read
from edge_worker.source.readings import NoMemory, readings
from edge_worker.source.walk import SourceFile


def _cell(text: str | list[str], kind: str = "code") -> dict[str, Any]:
    return {"cell_type": kind, "metadata": {}, "source": text}


def _notebook(*cells: str | list[str] | dict[str, Any], **metadata: Any) -> bytes:
    made = [cell if isinstance(cell, dict) else _cell(cell) for cell in cells]
    return json.dumps({"cells": made, "metadata": metadata, "nbformat": 4}).encode()


def _read(source: bytes) -> Parsed:
    assert agree("notebook", source)
    return read("notebook", source)


def _modules(source: bytes) -> list[tuple[str, int]]:
    return [(one.module, one.line) for one in _read(source).imports]


def test_code_cells_import_and_others_do_not() -> None:
    """Lines are counted over the code cells alone, as if they stood one below the other."""
    source = _notebook(
        _cell("import prose\n", "markdown"),
        ["import os\n", "import app.models"],
        _cell("import raw", "raw"),
        "x = 1\nfrom app import views",
    )

    assert _modules(source) == [("os", 1), ("app.models", 2), ("app", 4)]


def test_a_notebook_leads_to_the_files_that_it_imports() -> None:
    """Its imports are resolved as those of a script that lies where it does."""
    files = {
        "pkg/__init__.py": "",
        "pkg/models.py": "",
        "notebooks/helpers.py": "",
        "notebooks/look.ipynb": _notebook("from pkg import models\nimport helpers", "import numpy"),
    }

    assert edges(files) == {
        ("notebooks/look.ipynb", "pkg/models.py"): ("runtime",),
        ("notebooks/look.ipynb", "notebooks/helpers.py"): ("runtime",),
    }


@pytest.mark.parametrize(
    "line",
    [
        "%matplotlib inline",
        "%%time",
        "  %load_ext autoreload",
        "!pip install that",
        "!pip install \\\n   import \\\n   that",
        "files = !ls import",
        "took = %timeit -o f()",
        "a, b = !ls",
        "?os.path",
        "os.path??",
        "pd.DataFrame?",
    ],
)
def test_lines_of_ipython_are_passed_by(line: str) -> None:
    """A magic, a shell's command and a question are no Python; what stands around them is read, line by line."""
    parsed = _read(_notebook(f"import a\nif a:\n    pass\n{line}\nimport b"))

    assert [(one.module, one.line) for one in parsed.imports] == [("a", 1), ("b", 5 + line.count("\n"))]
    assert parsed.status == "parsed"


def test_a_command_may_be_all_that_a_block_holds() -> None:
    """What is passed by is still a statement."""
    assert _read(_notebook("if True:\n    !pip install a\nelse:\n    import b\n")).status == "parsed"
    assert program(_notebook("if True:\n    !pip install a")) == b"if True:\n    pass\n"


@pytest.mark.parametrize(
    "text", ['x = ("%d"\n     % 3)\n', 'x = """\n%s\n"""\n', 'x = """\n!x"""\n', "x = a\\\n % b\n", "# what?\n"]
)
def test_other_lines_that_begin_so_are_left_alone(text: str) -> None:
    """A percent sign may go on with an expression or a text: nothing around it breaks."""
    parsed = _read(_notebook(text + "import b"))

    assert ([one.module for one in parsed.imports], parsed.status) == (["b"], "parsed")


@pytest.mark.parametrize("magic", ["%%bash", "%%writefile other.py", "%%html", "\n%%javascript", "%%python2"])
def test_a_cell_of_another_language_imports_nothing(magic: str) -> None:
    """What stands below a cell's magic belongs to what that starts or writes; the lines are counted all the same."""
    text = f"{magic}\nimport a\n"

    assert _modules(_notebook(text, "import b")) == [("b", text.count("\n") + 2)]


@pytest.mark.parametrize("magic", ["%%time", "%%capture out", "%%timeit -n 3"])
def test_a_cell_that_is_only_watched_is_python(magic: str) -> None:
    """Measuring a cell runs it as any other."""
    assert _modules(_notebook(f"{magic}\nimport a")) == [("a", 2)]


@pytest.mark.parametrize(
    "metadata",
    [{"language_info": {"name": "julia"}}, {"kernelspec": {"language": "R", "name": "ir"}}],
    ids=["julia", "r"],
)
def test_a_notebook_of_another_language_imports_nothing(metadata: dict[str, Any]) -> None:
    """Its kernel says what a notebook is written in."""
    assert _read(_notebook("import a", **metadata)) == Parsed(imports=(), status="parsed")


@pytest.mark.parametrize(
    "source",
    [
        json.dumps({"worksheets": [{"cells": [{"cell_type": "code", "input": ["import a"]}]}]}).encode(),
        b"\xef\xbb\xbf" + _notebook("import a"),
        _notebook("import a\r\n", language_info={"name": "python"}),
        _notebook("import a", kernelspec={"language": "python"}, language_info=3),
        json.dumps({"cells": [7, None, _cell("import a"), {"cell_type": "code"}, {"cell_type": "code", "source": 3}]}),
    ],
    ids=["third format", "byte order mark", "line ends", "kernel", "odd cells"],
)
def test_every_form_of_a_notebook_is_read(source: bytes | str) -> None:
    """The older format has worksheets; nothing that a cell lacks costs the other cells their imports."""
    assert _modules(source.encode() if isinstance(source, str) else source) == [("a", 1)]


@pytest.mark.parametrize(
    "source",
    [b"", b"import a\n", b"[1]", b"{}", b'{"cells": [', b"[" * 100_000, b'{"a": "\xff"}', b"\0\xff"],
    ids=["empty", "python", "list", "object", "cut off", "deep", "latin-1", "noise"],
)
def test_what_is_no_notebook_is_broken(source: bytes) -> None:
    """A file that is no JSON, or other JSON, is told as one that could not be read."""
    assert read("notebook", source) == Parsed(imports=(), status="failed")


def test_a_syntax_error_in_a_cell_costs_its_line_alone() -> None:
    """What can be read of the other cells is kept."""
    parsed = _read(_notebook("import a", "import )]}\n", "import b"))

    assert parsed.status == "partial"
    assert [(one.module, one.line) for one in parsed.imports] == [("a", 1), ("b", 4)]


def test_a_picture_in_an_output_is_no_reason_to_leave_a_notebook_out() -> None:
    """A notebook holds lines that no program has, and is read all the same."""
    cell = {**_cell("import a"), "outputs": [{"data": {"image/png": "A" * 30_000}}]}
    file = SourceFile(path="a.ipynb", language="notebook", oid="1", size=30_000)

    ((told, parsed),) = readings([file], lambda oids: ((oid, _notebook(cell)) for oid in oids), NoMemory())

    assert (language_of(file.path), told.flags) == ("notebook", frozenset())
    assert parsed is not None
    assert [one.module for one in parsed.imports] == ["a"]
