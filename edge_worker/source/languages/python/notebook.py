"""Jupyter notebooks: the Python in their code cells, one below the other.

A line's number counts from the first line of the first code cell, as if every code cell stood below the one before it
in a file of its own: the numbers of the JSON around them mean nothing to who reads the notebook.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from edge_worker.source.languages.python.scan import scan
from edge_worker.source.parse.statement import Parsed
from edge_worker.source.resolve.jsonc import Value, mapping, strings

#: Magics of a whole cell whose other lines are Python that runs here. What stands below any other is no Python, or is
#: that of another file or process.
_AROUND_PYTHON = frozenset(("capture", "debug", "lprun", "memit", "mprun", "prun", "time", "timeit"))
_CELL_MAGIC = re.compile(r"\s*%%(\w+)")
# What IPython makes Python of: a magic, a command of the shell, either with a name for its answer, a question. Other
# lines begin with a percent sign as well: the second line of an expression, a line of a text.
_ESCAPED = re.compile(
    r"^([ \t]*)(?:(?:[\w.]+[ \t]*(?:,[ \t]*[\w.]+[ \t]*)*=[ \t]*)?(?:!|%%?[A-Za-z_])|\?|[\w.]+\?{1,2}[ \t]*$)"
    r"(?:[^\n\\]|\\.)*+\\?",
    re.MULTILINE | re.DOTALL,
)


def scan_notebook(source: bytes) -> Parsed | None:
    """Return what the grammar would find in a notebook's code, None where only the grammar can be certain."""
    text = program(source)
    return scan(text) if text is not None else None


def program(source: bytes) -> bytes | None:
    """Return the code cells of a notebook, each with a line end behind it; None if it is none.

    Lines that only IPython understands are ``pass``, and cells that are no Python are empty: every other line keeps its
    number. A notebook of another language has no code.
    """
    try:
        notebook = mapping(json.loads(source.decode("utf-8-sig")))
    except (ValueError, RecursionError):
        return None
    cells = [mapping(cell) for cell in _listed(notebook)]
    if not cells and not {"cells", "worksheets"} & notebook.keys():
        return None
    if not _is_python(mapping(notebook.get("metadata"))):
        return b""
    texts = (_plain(_text(cell)) for cell in cells if cell.get("cell_type") == "code")
    return "".join(f"{text}\n" for text in texts).encode("utf-8", "replace")


def _listed(notebook: dict[str, Value]) -> Iterator[Value]:
    """The cells; before the fourth format they lay in worksheets."""
    sheets = notebook.get("worksheets")
    for holder in (notebook, *(map(mapping, sheets) if isinstance(sheets, list) else ())):
        cells = holder.get("cells")
        yield from cells if isinstance(cells, list) else ()


def _is_python(metadata: dict[str, Value]) -> bool:
    named = mapping(metadata.get("language_info")).get("name") or mapping(metadata.get("kernelspec")).get("language")
    return not isinstance(named, str) or named.lower() in {"python", "ipython"}


def _text(cell: dict[str, Value]) -> str:
    text = "".join(strings(cell.get("source", cell.get("input"))))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _plain(text: str) -> str:
    magic = _CELL_MAGIC.match(text)
    if magic is not None and magic[1] not in _AROUND_PYTHON:
        return "\n" * text.count("\n")
    return _ESCAPED.sub(_passed, text) if any(sign in text for sign in "%!?") else text


def _passed(line: re.Match[str]) -> str:
    if '"""' in line[0] or "'''" in line[0]:
        return line[0]
    return f"{line[1]}pass" + "\n" * line[0].count("\n")
