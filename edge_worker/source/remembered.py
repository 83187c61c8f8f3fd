"""What is known of contents without reading it, and the few bytes that keep it."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple, cast
from zlib import crc32

from edge_worker.source.parse.statement import ImportStatement, Parsed, Status

# Between records, the parts of one, and the items of a part: signs that were made for it, which no program's text has.
_RECORD, _PART, _ITEM = "\x1e", "\x1f", "\x1d"
_PARTS = 5
_SUM_BYTES = 4
_STATUSES = frozenset(("parsed", "partial", "failed"))


class Remembered(NamedTuple):
    """``flags`` are those that the contents earn; ``parsed`` is None if they are not to be parsed: flags say why."""

    flags: frozenset[str]
    parsed: Parsed | None


def to_row(remembered: Remembered) -> bytes | None:
    """Return a checksum and the text of what is known; None for the odd text that a separator stands in."""
    parsed = remembered.parsed
    records = [_PART.join((" ".join(sorted(remembered.flags)), parsed.status if parsed is not None else ""))]
    if parsed is not None:
        records += [_ITEM.join(parsed.declares), *map(_written, parsed.imports)]
    text = _RECORD.join(records)
    if parsed is not None and not _is_sound(text, parsed):
        return None
    row = text.encode("utf-8", "surrogatepass")
    return crc32(row).to_bytes(_SUM_BYTES, "big") + row


def from_row(row: bytes) -> Remembered:
    """Return what ``to_row`` was given.

    Raises:
        ValueError: the row is damaged.
    """
    content = row[_SUM_BYTES:]
    if crc32(content).to_bytes(_SUM_BYTES, "big") != row[:_SUM_BYTES]:
        raise ValueError("a row does not fit its checksum")
    head, *records = content.decode("utf-8", "surrogatepass").split(_RECORD)
    flags, _, status = head.partition(_PART)
    if status not in _STATUSES or not records:
        return Remembered(flags=_flags(flags), parsed=None)
    imports = tuple(_read(*record.split(_PART)) for record in records[1:])
    parsed = Parsed(imports=imports, status=cast("Status", status), declares=_items(records[0]))
    return Remembered(flags=_flags(flags), parsed=parsed)


def _is_sound(text: str, parsed: Parsed) -> bool:
    """Return whether every separator in a text separates, and nothing that is empty was joined."""
    lists = [parsed.declares, *(one.names for one in parsed.imports)]
    return (
        text.count(_RECORD) == 1 + len(parsed.imports)
        and text.count(_PART) == 1 + (_PARTS - 1) * len(parsed.imports)
        and text.count(_ITEM) == sum(len(items) - 1 for items in lists if items)
        and ("",) not in lists
    )


def _written(one: ImportStatement) -> str:
    return f"{one.module}\x1f{_ITEM.join(one.names)}\x1f{one.level}\x1f{' '.join(one.kinds)}\x1f{one.line}"


def _read(module: str, names: str, level: str, kinds: str, line: str) -> ImportStatement:
    return ImportStatement(module=module, names=_items(names), level=int(level), kinds=_kinds(kinds), line=int(line))


def _items(text: str) -> tuple[str, ...]:
    return tuple(text.split(_ITEM)) if text else ()


@cache
def _kinds(words: str) -> tuple[str, ...]:
    return tuple(words.split())


@cache
def _flags(words: str) -> frozenset[str]:
    return frozenset(words.split())
