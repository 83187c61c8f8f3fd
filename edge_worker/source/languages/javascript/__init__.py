"""JavaScript and TypeScript: the rules of Node and of the TypeScript compiler, on a clone with nothing installed."""

from __future__ import annotations

from dataclasses import replace

from edge_worker.source.language import Aside, Language
from edge_worker.source.parse.dialect import Dialect, wheel
from edge_worker.source.parse.later import later

_VERSION = 4
_SYNTAX, _SCAN, _BLOCKS = f"{__name__}.syntax", f"{__name__}.scan", f"{__name__}.blocks"
_RESOLVER = later(f"{__name__}.resolver", "JavaScriptResolver")
_ASIDE = Aside(
    read=later(f"{__name__}.globbed", "named_globs"),
    resolver=later(f"{__name__}.globbed_resolver", "GlobResolver"),
)
_JAVASCRIPT = Dialect(
    grammar=wheel("tree_sitter_javascript"),
    statements=later(_SYNTAX, "statements"),
    salvage=later(_SYNTAX, "salvage"),
)
_TYPESCRIPT = replace(_JAVASCRIPT, grammar=wheel("tree_sitter_typescript", "language_typescript"))
_TSX = replace(_JAVASCRIPT, grammar=wheel("tree_sitter_typescript", "language_tsx"))
#: Vue and Svelte. TypeScript's grammar reads JavaScript as well; JSX in a block is salvaged by its lines.
_SCRIPTS = replace(_TYPESCRIPT, decode=later(_BLOCKS, "scripts"))
_ASTRO = replace(_TYPESCRIPT, decode=later(_BLOCKS, "fenced_scripts"))


def _language(name: str, *suffixes: str, dialect: Dialect, scan: str) -> Language:
    return Language(
        name=name,
        suffixes=suffixes,
        version=_VERSION,
        resolver=_RESOLVER,
        dialect=dialect,
        scan=later(_SCAN, scan),
        aside=_ASIDE,
    )


LANGUAGES = (
    _language("javascript", ".js", ".jsx", ".mjs", ".cjs", dialect=_JAVASCRIPT, scan="scan_script"),
    _language("typescript", ".ts", ".mts", ".cts", dialect=_TYPESCRIPT, scan="scan_typed"),
    _language("tsx", ".tsx", dialect=_TSX, scan="scan_typed_markup"),
    _language("vue", ".vue", dialect=_SCRIPTS, scan="scan_blocks"),
    _language("svelte", ".svelte", dialect=_SCRIPTS, scan="scan_blocks"),
    _language("astro", ".astro", dialect=_ASTRO, scan="scan_fenced"),
)
