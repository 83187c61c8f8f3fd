"""Rust: the module tree of every crate that Cargo.toml declares, and paths along it."""

from edge_worker.source.language import Language
from edge_worker.source.parse.dialect import Dialect, wheel
from edge_worker.source.parse.later import later

_SYNTAX = f"{__name__}.syntax"

LANGUAGES = (
    Language(
        name="rust",
        suffixes=(".rs",),
        version=2,
        resolver=later(f"{__name__}.resolver", "RustResolver"),
        dialect=Dialect(
            grammar=wheel("tree_sitter_rust"),
            statements=later(_SYNTAX, "statements"),
            salvage=later(_SYNTAX, "salvage"),
            declarations=later(_SYNTAX, "declarations"),
        ),
        scan=later(_SYNTAX, "scan"),
        by_name=True,
    ),
)
