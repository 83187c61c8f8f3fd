"""PHP: composer's autoload maps, the names that files declare, and the paths that they include."""

from edge_worker.source.language import Language
from edge_worker.source.parse.dialect import Dialect, wheel
from edge_worker.source.parse.later import later

_SYNTAX = f"{__name__}.syntax"

LANGUAGES = (
    Language(
        name="php",
        suffixes=(".php", ".phtml"),
        version=2,
        resolver=later(f"{__name__}.resolver", "PhpResolver"),
        dialect=Dialect(
            grammar=wheel("tree_sitter_php", "language_php"),
            statements=later(_SYNTAX, "statements"),
            salvage=later(_SYNTAX, "salvage"),
            declarations=later(_SYNTAX, "declarations"),
            decode=later(_SYNTAX, "decoded"),
        ),
        by_name=True,
    ),
)
