"""Java: types by the package clause of a file and the names that it declares."""

from edge_worker.source.language import Language
from edge_worker.source.parse.dialect import Dialect, wheel
from edge_worker.source.parse.later import later

_SYNTAX = f"{__name__}.syntax"

LANGUAGES = (
    Language(
        name="java",
        suffixes=(".java",),
        version=2,
        resolver=later(f"{__name__}.resolver", "JavaResolver"),
        dialect=Dialect(
            grammar=wheel("tree_sitter_java"),
            statements=later(_SYNTAX, "statements"),
            salvage=later(_SYNTAX, "salvage"),
            declarations=later(_SYNTAX, "declarations"),
        ),
        scan=later(_SYNTAX, "scan"),
        by_name=True,
    ),
)
