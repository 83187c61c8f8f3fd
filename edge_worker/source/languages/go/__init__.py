"""Go: import paths to packages by go.mod, and to the files of a package by the names that are used of it."""

from edge_worker.source.language import Language
from edge_worker.source.parse.dialect import Dialect, wheel
from edge_worker.source.parse.later import later

_SYNTAX = f"{__name__}.syntax"

LANGUAGES = (
    Language(
        name="go",
        suffixes=(".go",),
        version=2,
        resolver=later(f"{__name__}.resolver", "GoResolver"),
        dialect=Dialect(
            grammar=wheel("tree_sitter_go"),
            statements=later(_SYNTAX, "statements"),
            salvage=later(_SYNTAX, "salvage"),
            declarations=later(_SYNTAX, "declarations"),
        ),
        scan=later(_SYNTAX, "scan"),
        by_name=True,
    ),
)
