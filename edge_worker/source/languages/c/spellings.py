"""How each build tool writes an include directory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from edge_worker.source.resolve.jsonc import Value, strings


class Spelling(NamedTuple):
    """An include directory as a build file writes it: from its own directory, or from its project's."""

    path: str
    from_top: bool


_CMAKE_CALL = re.compile(r"\b(target_)?include_directories\s*+\(((?:[^()]|\([^()]*+\)){0,5000}+)\)", re.IGNORECASE)
# Projects collect the directories in a variable, whose name says so, and hand that to every target.
_CMAKE_LIST = re.compile(
    r"\b(?:set|list)\s*+\(\s*+(?:(?:APPEND|PREPEND)\s++)?+(\w{1,200}+)\s((?:[^()]|\([^()]*+\)){0,5000}+)\)",
    re.IGNORECASE,
)
_CMAKE_SET = re.compile(r"\bset\s*\(\s*(\w+)\s+\"?([^\s\"();]{1,300})\"?\s*\)", re.IGNORECASE)
_CMAKE_VARIABLE = re.compile(r"\$\{(\w+)\}")
_CMAKE_WORD = re.compile(r'#[^\n]*|"([^"\n]*)"|([^\s"#]+)')
_CMAKE_MODES = frozenset({"PUBLIC", "PRIVATE", "INTERFACE", "SYSTEM", "BEFORE", "AFTER"})
_CMAKE_BUILD = re.compile(r"\$<BUILD_INTERFACE:([^<>]*)>")
_CMAKE_HERE = re.compile(r"\$\{CMAKE_CURRENT_(?:SOURCE|LIST)_DIR\}/?")
_CMAKE_TOP = re.compile(r"\$\{\w*SOURCE_DIR\}/?")
_MAKE_FLAG = re.compile(r"(?<![\w-])-(?:I|isystem|iquote)[ \t]*([^\s\"'`;,|&<>\\]{1,300})")
_MAKE_HERE = re.compile(r"\$[({](?:srcdir|CURDIR|builddir)[)}]/?")
_MAKE_TOP = re.compile(r"\$[({](?:(?:abs_)?top_(?:srcdir|builddir)|srctree|TOPDIR|TOP|ROOT)[)}]/?")
_MESON_CALL = re.compile(r"\binclude_directories\s*\(([^()]{0,5000})\)")
_MESON_WORD = re.compile(r"#[^\n]*|'([^'\n]*)'")
_COMPILER_FLAG = re.compile(r"(?:^|\s)(?:[-/]I|-isystem|-iquote)\s*(\"[^\"]+\"|[^\s\"]+)")
_MAKE_NAMES = ("Makefile", "makefile", "GNUmakefile", "Makefile.am", "Makefile.in")


def reader_of(path: str) -> Callable[[str], Iterator[Spelling]] | None:
    """Return what reads the include directories out of a build file's text, by its path; None for other files."""
    name = path.rpartition("/")[2]
    if name == "CMakeLists.txt" or name.endswith(".cmake"):
        return _cmake
    if name in _MAKE_NAMES or name.endswith(".mk"):
        return _make
    return _meson if name == "meson.build" else None


def flags(entry: dict[str, Value]) -> Iterator[str]:
    """Yield the include directories of one command of a compilation database, as written."""
    command = entry.get("command")
    text = command if isinstance(command, str) else "\n".join(strings(entry.get("arguments")))
    for match in _COMPILER_FLAG.finditer(text):
        yield match[1].strip('"')


def _cmake(text: str) -> Iterator[Spelling]:
    values = dict(_CMAKE_SET.findall(text))
    lists = (match for match in _CMAKE_LIST.finditer(text) if "INCLUDE" in match[1].upper())
    for call in (*_CMAKE_CALL.finditer(text), *lists):
        words = [quoted or bare for quoted, bare in _CMAKE_WORD.findall(call[2]) if quoted or bare]
        for word in words[1:] if (call[1] or "").lower() == "target_" else words:
            if word not in _CMAKE_MODES:
                known = _CMAKE_VARIABLE.sub(lambda variable: values.get(variable[1], variable[0]), word)
                yield from _spelled(_CMAKE_BUILD.sub(r"\1", known), _CMAKE_HERE, _CMAKE_TOP)


def _make(text: str) -> Iterator[Spelling]:
    for flag in _MAKE_FLAG.finditer(text):
        yield from _spelled(flag[1], _MAKE_HERE, _MAKE_TOP)


def _meson(text: str) -> Iterator[Spelling]:
    for call in _MESON_CALL.finditer(text):
        for word in _MESON_WORD.findall(call[1]):
            if word:
                yield Spelling(path=word, from_top=False)


def _spelled(path: str, here: re.Pattern[str], top: re.Pattern[str]) -> Iterator[Spelling]:
    """A path with any other variable in it is known to nobody but the build."""
    bare = here.sub("", path)
    from_top = top.match(bare) is not None
    bare = top.sub("", bare, count=1)
    if "$" not in bare and not bare.startswith("/"):
        yield Spelling(path=bare, from_top=from_top)
