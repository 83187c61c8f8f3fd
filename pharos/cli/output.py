"""What a person or a script sees: data on standard output, talk on standard error."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from pharos.names import UNFIT, as_argument, retold

#: Names and messages come from strangers' repositories and must neither drive a terminal nor forge a line.
_CONTROL = re.compile(f"[{UNFIT}]")
#: How a system says that nothing more can be written: no space, no quota, a file as large as it may be.
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

COLOURS = {
    "OK": "green",
    "WARN": "yellow",
    "FAIL": "red",
    "succeeded": "green",
    "running": "cyan",
    "queued": "yellow",
    "failed": "red",
    "ready": "green",
    "working": "cyan",
    "paused": "yellow",
    "draining": "yellow",
    "too_old": "yellow",
    "ok": "green",
    "degraded": "yellow",
    "down": "red",
}


def say(text: str) -> None:
    """Talk to the person, in as many lines as ``text`` has: a name in it is to be given as ``names.retold``."""
    print("\n".join(map(clean, text.split("\n"))), file=sys.stderr, flush=True)


def put(text: str = "") -> None:
    """Put a line of data out."""
    print(clean(text), flush=True)


def put_path(path: str) -> None:
    """Put a file's path out on a line of its own, for a person or for a program that takes it as an argument."""
    print(as_argument(path), flush=True)


def put_json(value: object) -> None:
    """Put data out as JSON, in ASCII, so that any terminal and any pipe can take it."""
    print(json.dumps(value, indent=2), flush=True)


def put_table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Put rows out in columns; the last column is as wide as it needs to be. Without rows nothing is put out."""
    if not rows:
        return
    cells = [list(heads), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    for row in cells:
        padded = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        print("  ".join(paint(text) for text in padded).rstrip(), flush=True)


def drop_rest() -> None:
    """Have what is left of the output go nowhere: it must not be tried again when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def tell_full(error: OSError) -> bool:
    """Say that there was no room to write, and drop the rest of the output; ``False`` where it is something else."""
    if error.errno not in _NO_ROOM:
        return False
    drop_rest()
    where = f" to {retold(str(error.filename))}" if error.filename is not None else ""
    say(
        f"pharos: No more could be written{where} ({error.strerror}). What was printed may be cut short; nothing else "
        "is lost. Make room where the output and temporary files go, and try again."
    )
    return True


def paint(text: str) -> str:
    """Return a known word of state in its colour where a terminal shows colours; anything else as it is."""
    colour = COLOURS.get(text.strip())
    if colour is None or not in_colour():
        return text
    # Loaded where there is something to paint: ``pharos graph`` talks, too, and does without.
    import typer

    return typer.style(text, fg=colour)


def in_colour() -> bool:
    """Return whether standard output is a terminal that wants colours (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def on_terminal() -> bool:
    """Return whether a person watches standard error."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def clean(text: str) -> str:
    """Return ``text`` as one line, without characters that would drive a terminal or cannot be encoded."""
    encodable = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", encodable)


def mebibytes(count: int) -> str:
    """Return bytes as people read them."""
    return f"{count / 2**20:,.0f} MiB"


def ago(moment: str | None) -> str:
    """Return how long ago an RFC 3339 time was, roughly; '-' for none."""
    if moment is None:
        return "-"
    return f"{span(max(0.0, (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()))} ago"


def span(seconds: float) -> str:
    """Return a length of time, roughly."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _cell(value: object) -> str:
    return "-" if value is None else clean(str(value).replace("\n", " "))
