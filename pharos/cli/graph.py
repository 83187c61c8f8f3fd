"""``pharos graph``: which file imports which, in a folder or a bare repository of this machine.

Its arguments are read by the standard library: typer alone takes as long as the reading of a thousand files.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pharos.names import retold, shown

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from edge_worker.source.answer import Survey
    from edge_worker.source.graph import Link, Unresolved
    from shared.errors import PharosError

_OK, _FAILED, _INTERRUPTED = 0, 1, 130
_FEW = 3
#: Written together.
_LINES = 5000

_ABOUT = """\
Print which file imports which, one pair a line: the file, a tab, the file that it imports.

PATH is any folder or bare repository of this machine. Of a folder, what lies on disk now is read, but for what its
.gitignore files name; of a bare repository, or with --ref, what a commit holds. Nothing is asked, queued or installed.
"""
_MORE = r"""
What could not be read, or is larger than 4 MiB, is told on standard error in one line; with --json also in a last
object: {"unread": [path, ...], "too_large": [path, ...], "too_long": number of files whose paths are too long}.

Paths are as seen from PATH. In all three forms a backslash in a name is written \\, a tab \t, a line end \n, and a byte
that is not UTF-8 \xNN. Exit codes: 0 done, 1 nothing could be read, 2 wrong arguments, 4 no such folder or ref.
"""


def graph(arguments: list[str]) -> None:
    """Print which file imports which in a folder of this machine, without a server."""
    raise SystemExit(run(arguments))


def run(arguments: Sequence[str]) -> int:
    """Do what the arguments ask for and return the exit code."""
    from shared.errors import PharosError

    try:
        asked = _parser().parse_args(arguments)
        _put(_answer(asked))
    except PharosError as error:
        return _refused(error)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Who read has seen enough.
        from pharos.cli.output import drop_rest

        drop_rest()
    except OSError as error:
        return _stopped(error)
    return _OK


def _parser() -> ArgumentParser:
    from argparse import ArgumentParser, RawDescriptionHelpFormatter

    class Parser(ArgumentParser):
        """Told on as every other output and error."""

        def print_help(self, _: object = None) -> None:
            _put([self.format_help()])

        def error(self, message: str) -> NoReturn:
            super().error(retold(message))

    parser = Parser(prog="pharos graph", description=_ABOUT, epilog=_MORE, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("path", metavar="PATH", type=Path)
    parser.add_argument(
        "--format",
        choices=("tsv", "json", "dot"),
        default="tsv",
        help="tsv: pairs (the default); json: one object a line, with kinds, line and confidence; dot: for Graphviz",
    )
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="the same as --format json")
    parser.add_argument(
        "--kinds",
        metavar="KINDS",
        help="'all', or kinds with commas between them; else all that are imports",
    )
    parser.add_argument("--ref", metavar="REF", help="read this branch, tag or commit, not what lies on disk")
    parser.add_argument(
        "--unresolved",
        action="store_true",
        help="print what was not understood instead: the file, the line, and the name that leads nowhere",
    )
    return parser


def _answer(asked: Namespace) -> Iterator[str]:
    from edge_worker.source.survey import survey
    from shared.errors import InvalidRequest

    if asked.unresolved and (asked.format == "dot" or asked.kinds):
        raise InvalidRequest("--unresolved lists imports without a target: it goes with neither --kinds nor dot.")
    found = survey(asked.path, ref=asked.ref, optional=asked.kinds is not None, cache=_cache())
    if found.trouble:
        _say(found.trouble)
    lines = (
        _missing(found.unresolved, asked.format)
        if asked.unresolved
        else _FORMATS[asked.format](_wanted(found.links, asked.kinds))
    )
    if found.unread or found.too_large or found.too_long:
        _say(_gaps(found))
        if asked.format == "json":
            return chain(lines, _json_gaps(found))
    return lines


def _cache() -> Path | None:
    """Return where what was read is kept, a file that may be deleted at any time; None for who has no home."""
    try:
        top = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        return None
    return top / "pharos" / "imports.sqlite"


def _wanted(links: Sequence[Link], kinds: str | None) -> Iterable[Link]:
    """Return the edges of the kinds that were asked for; there may be none of such a kind.

    Raises:
        InvalidRequest: one of them is no kind.
    """
    if kinds is None or kinds == "all":
        return links
    from edge_worker.source.resolve.base import KINDS
    from shared.errors import InvalidRequest

    asked = frozenset(kind.strip() for kind in kinds.split(","))
    if unknown := sorted(asked - KINDS):
        raise InvalidRequest(
            f"There is no kind '{unknown[0]}'. Kinds are {', '.join(sorted(KINDS))}, and 'all' for all of them."
        )
    return (link for link in links if not asked.isdisjoint(link.kinds))


def _tsv(links: Iterable[Link]) -> Iterator[str]:
    for link in links:
        yield f"{shown(link.source)}\t{shown(link.target)}\n"


def _json(links: Iterable[Link]) -> Iterator[str]:
    for link in links:
        ends = {"src": shown(link.source), "dst": shown(link.target)}
        yield json.dumps({**ends, "kinds": link.kinds, "line": link.line, "confidence": link.confidence}) + "\n"


def _dot(links: Iterable[Link]) -> Iterator[str]:
    yield "digraph imports {\n  rankdir=LR;\n  node [shape=box];\n"
    for link in links:
        yield f"  {_quoted(link.source)} -> {_quoted(link.target)};\n"
    yield "}\n"


_FORMATS: dict[str, Callable[[Iterable[Link]], Iterator[str]]] = {"tsv": _tsv, "json": _json, "dot": _dot}


def _missing(found: Iterable[Unresolved], form: str) -> Iterator[str]:
    for one in found:
        if form == "json":
            yield json.dumps({"path": shown(one.path), "line": one.line, "module": shown(one.module)}) + "\n"
        else:
            yield f"{shown(one.path)}\t{one.line}\t{shown(one.module)}\n"


def _quoted(name: str) -> str:
    escaped = shown(name).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _put(lines: Iterable[str]) -> None:
    out = sys.stdout.buffer
    left = iter(lines)
    while some := "".join(islice(left, _LINES)):
        out.write(some.encode("utf-8"))
    out.flush()


def _gaps(found: Survey) -> str:
    """Return in a line what was not read, and so has no edges."""
    counts = (
        (len(found.unread), "could not be read"),
        (len(found.too_large), "too large"),
        (found.too_long, "with too long a path"),
    )
    told = ", ".join(f"{count} {what}" for count, what in counts if count)
    named = [*found.unread, *found.too_large]
    few = ", ".join(shown(path) for path in named[:_FEW])
    return f"files or folders without edges here: {told}{': ' if few else ''}{few}{' …' if named[_FEW:] else ''}"


def _json_gaps(found: Survey) -> Iterator[str]:
    unread, large = ([shown(path) for path in paths] for paths in (found.unread, found.too_large))
    yield json.dumps({"unread": unread, "too_large": large, "too_long": found.too_long}) + "\n"


def _say(text: str) -> None:
    from pharos.cli.output import say

    say(f"pharos: {text}")


def _refused(error: PharosError) -> int:
    from pharos.cli.exits import exit_code

    _say(retold(error.message))
    return exit_code(error)


def _stopped(error: OSError) -> int:
    from pharos.cli.output import tell_full

    if not tell_full(error):
        where = "" if error.filename is None else f"{retold(os.fsdecode(error.filename))} cannot be read: "
        _say(f"{where}{error.strerror or error}. Nothing was printed.")
    return _FAILED
