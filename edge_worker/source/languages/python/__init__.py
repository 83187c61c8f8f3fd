"""Python: the import system's own rules over the roots that a repository declares."""

from dataclasses import replace

from edge_worker.source.language import Aside, Language
from edge_worker.source.parse.dialect import Dialect, wheel
from edge_worker.source.parse.later import later

_SYNTAX = f"{__name__}.syntax"

_RESOLVER = later(f"{__name__}.resolver", "PythonResolver")
_PYTHON = Dialect(
    grammar=wheel("tree_sitter_python"),
    statements=later(_SYNTAX, "statements"),
    salvage=later(_SYNTAX, "salvage"),
    decode=later(_SYNTAX, "decoded"),
)
_NOTEBOOK = f"{__name__}.notebook"

LANGUAGES = (
    Language(
        name="python",
        suffixes=(".py", ".pyi"),
        version=3,
        resolver=_RESOLVER,
        dialect=_PYTHON,
        scan=later(f"{__name__}.scan", "scan"),
        aside=Aside(
            read=later(f"{__name__}.dotted", "named_modules"),
            resolver=later(f"{__name__}.dotted_resolver", "DottedResolver"),
        ),
    ),
    Language(
        name="notebook",
        suffixes=(".ipynb",),
        version=1,
        resolver=_RESOLVER,
        dialect=replace(_PYTHON, decode=later(_NOTEBOOK, "program")),
        scan=later(_NOTEBOOK, "scan_notebook"),
        has_lines=False,
    ),
)
