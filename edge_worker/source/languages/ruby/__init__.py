"""Ruby: what is required from the load path of gems and tests, and what Zeitwerk loads by the names of constants."""

from edge_worker.source.language import Language
from edge_worker.source.parse.dialect import Dialect, wheel
from edge_worker.source.parse.later import later

_SYNTAX = f"{__name__}.syntax"

LANGUAGES = (
    Language(
        name="ruby",
        suffixes=(".rb", ".rake", ".gemspec", ".ru"),
        version=2,
        resolver=later(f"{__name__}.resolver", "RubyResolver"),
        dialect=Dialect(
            grammar=wheel("tree_sitter_ruby"),
            statements=later(_SYNTAX, "statements"),
            salvage=later(_SYNTAX, "salvage"),
        ),
    ),
)
