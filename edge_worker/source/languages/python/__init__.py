"""Python: the import system's own rules over the roots that a repository declares."""

from edge_worker.source.language import Language
from edge_worker.source.parse.dialect import Dialect, wheel
from edge_worker.source.parse.later import later

_SYNTAX = f"{__name__}.syntax"

LANGUAGES = (
    Language(
        name="python",
        suffixes=(".py", ".pyi"),
        version=3,
        resolver=later(f"{__name__}.resolver", "PythonResolver"),
        dialect=Dialect(
            grammar=wheel("tree_sitter_python"),
            statements=later(_SYNTAX, "statements"),
            salvage=later(_SYNTAX, "salvage"),
            decode=later(_SYNTAX, "decoded"),
        ),
        scan=later(f"{__name__}.scan", "scan"),
    ),
)
