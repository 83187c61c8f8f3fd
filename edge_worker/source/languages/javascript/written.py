"""Signs in the text of a file that both of its readers go by."""

from __future__ import annotations

import re

#: Behind the keyword of an import or a re-export of types alone.
TYPE_CLAUSE = re.compile(rb"\s+type(?:\s*[{*]|\s+(?!from\s*[\"'])[\w$])")
# Before ``import()``: what stands behind these words is a type.
_TYPE_BEFORE = re.compile(rb"(?:<|(?<![\w$.])(?:typeof|as|satisfies|keyof|readonly|extends|is))\s*\Z")

#: Functions of Node and of test tools that are given a module by its name and do not import it in the file itself.
NAMING = (
    rb"(?:require\.resolve|(?:jest|vi)\.(?:mock|unmock|doMock|doUnmock|dontMock|unstable_mockModule"
    rb"|requireActual|requireMock|importActual|importMock))"
)

_BUNDLED_MODULE = b"function(require,module,exports){"


# Their distance from it, at most.
_LONGEST_GAP = 40


def is_type_behind(source: bytes, offset: int) -> bool:
    """Return whether what stands before an ``import()`` makes it a type, whatever a grammar takes it for."""
    return _TYPE_BEFORE.search(source, max(0, offset - _LONGEST_GAP), offset) is not None


def is_bundle(source: bytes) -> bool:
    """Return whether a bundler wrote the file: what it calls ``require`` looks into the bundle (J10)."""
    return _BUNDLED_MODULE in source
