"""JavaScript and TypeScript: the rules of Node and of the TypeScript compiler, on a clone with nothing installed."""

from edge_worker.source.language import Language
from edge_worker.source.languages.javascript.resolver import JavaScriptResolver
from edge_worker.source.languages.javascript.syntax import JAVASCRIPT, TSX, TYPESCRIPT

LANGUAGES = (
    Language(
        name="javascript",
        suffixes=(".js", ".jsx", ".mjs", ".cjs"),
        version=1,
        resolver=JavaScriptResolver,
        dialect=JAVASCRIPT,
    ),
    Language(
        name="typescript",
        suffixes=(".ts", ".mts", ".cts"),
        version=1,
        resolver=JavaScriptResolver,
        dialect=TYPESCRIPT,
    ),
    Language(name="tsx", suffixes=(".tsx",), version=1, resolver=JavaScriptResolver, dialect=TSX),
)
