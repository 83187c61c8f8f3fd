"""``pharos graph``: which file imports which, in a folder or a bare repository of this machine.

Its arguments are read by the standard library: typer alone takes as long as the reading of a thousand files.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pharos.names import shown

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from edge_worker.source.graph import Link, Unresolved
    from shared.errors import PharosError

_OK, _INTERRUPTED = 0, 130
_FEW = 3

_ABOUT = """\
Print which file imports which, one pair a line: the file, a tab, the file that it imports.

PATH is any folder or bare repository of this machine. Of a folder, what lies on disk now is read, but for what its
.gitignore files name; of a bare repository, or with --ref, what a commit holds. Nothing is asked, queued or installed.
"""
_MORE = r"""
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
        # Who read has seen enough; what is left in the buffer must not be tried again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _OK


def _parser() -> ArgumentParser:
    from argparse import ArgumentParser, RawDescriptionHelpFormatter

    parser = ArgumentParser(
        prog="pharos graph", description=_ABOUT, epilog=_MORE, formatter_class=RawDescriptionHelpFormatter
    )
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
    if found.unread or found.trouble:
        _note(found.unread, found.trouble)
    if asked.unresolved:
        return _missing(found.unresolved, asked.format)
    return _FORMATS[asked.format](_wanted(found.links, asked.kinds))


def _cache() -> Path | None:
    """Return where what was read is kept, a file that may be deleted at any time; None for who has no home."""
    try:
        top = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        return None
    return top / "pharos" / "imports.sqlite"


def _wanted(links: Sequence[Link], kinds: str | None) -> Iterable[Link]:
    """Return the edges of the kinds that were asked for.

    Raises:
        InvalidRequest: no edge is of such a kind.
    """
    from shared.errors import InvalidRequest

    if kinds is None or kinds == "all":
        return links
    asked = frozenset(kind.strip() for kind in kinds.split(","))
    there = frozenset(kind for link in links for kind in link.kinds)
    if asked.isdisjoint(there):
        raise InvalidRequest(f"No import here is of the kind {kinds}. There are: {', '.join(sorted(there)) or 'none'}.")
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
    out.writelines(line.encode("utf-8") for line in lines)
    out.flush()


def _note(unread: Sequence[str], trouble: str | None) -> None:
    from pharos.cli.output import say

    if trouble:
        say(f"pharos: {trouble}")
    if unread:
        few = ", ".join(shown(path) for path in unread[:_FEW]) + (" …" if len(unread) > _FEW else "")
        say(f"pharos: {len(unread)} files or folders could not be read, and have no edges here: {few}")


def _refused(error: PharosError) -> int:
    from pharos.cli.exits import exit_code
    from pharos.cli.output import say

    say(f"pharos: {error.message}")
    return exit_code(error)
