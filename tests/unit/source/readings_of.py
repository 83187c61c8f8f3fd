"""Both readings of one text: by the scan, and by the grammar."""

from __future__ import annotations

from edge_worker.source.languages.registry import known
from edge_worker.source.parse.statement import ImportStatement, Parsed
from edge_worker.source.reader import parse_imports


def scanned(language: str, source: bytes) -> Parsed | None:
    scan = known()[language].scan
    assert scan is not None
    return scan(source)


def agree(language: str, source: bytes) -> bool:
    """Return whether the scan says nothing about a text, or what the grammar says; broken texts are left to both."""
    quick, exact = scanned(language, source), parse_imports(language, source)
    return quick is None or exact.status != "parsed" or quick.imports == exact.imports


def certain(language: str, source: bytes) -> tuple[ImportStatement, ...]:
    """Return what the scan finds where it must not leave a text to the grammar, having made sure that they agree."""
    quick, exact = scanned(language, source), parse_imports(language, source)
    assert quick is not None, source
    assert quick.imports == exact.imports, source
    return quick.imports
