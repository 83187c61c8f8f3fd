"""Documents: a chunk a section, cut at paragraphs, each under the headings that it stands below."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from posixpath import basename, splitext

from edge_worker.text.measure import MOST

_SUFFIXES = {
    ".md": "markdown",
    ".mdx": "markdown",
    ".markdown": "markdown",
    ".rst": "rst",
    ".rest": "rst",
    ".txt": "text",
    ".text": "text",
    ".adoc": "text",
}
_NAME = re.compile(
    r"readme|changelog|changes|history|news|contributing|contributors|authors|license|licence|copying|notice|install|"
    r"todo|security|maintainers|code_of_conduct",
    re.IGNORECASE,
)
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*")
_SETEXT = re.compile(r" {0,3}(?:(=+)|-{2,})[ \t]*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ADORNMENT = re.compile(r"""([!-/:-@\[-`{-~])\1{2,}[ \t]*""")
_LONGEST_HEADING = 200
_DEEPEST = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Heading:
    """A title and the rows that it is written on."""

    first: int
    last: int
    #: 1 for the outermost.
    level: int
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """Rows below one heading, which is their first one."""

    first: int
    last: int
    #: Titles, the outermost first.
    path: tuple[str, ...]


def document_language(path: str) -> str | None:
    """Return ``markdown``, ``rst`` or ``text`` for a document, by its name alone; None for other files."""
    stem, suffix = splitext(basename(path))
    if suffix:
        return _SUFFIXES.get(suffix.lower())
    return "text" if _NAME.fullmatch(stem) else None


def sections(language: str, lines: Sequence[str]) -> Iterator[Section]:
    """Yield the sections of a document in order; they have every row once."""
    found = _HEADINGS[language](lines) if language in _HEADINGS else iter(())
    path: list[tuple[int, str]] = []
    first = 0
    for heading in found:
        if heading.first > first:
            yield Section(first=first, last=heading.first - 1, path=tuple(title for _, title in path))
        path = [outer for outer in path if outer[0] < heading.level][: _DEEPEST - 1]
        path.append((heading.level, heading.title))
        first = heading.first
    if first < len(lines):
        yield Section(first=first, last=len(lines) - 1, path=tuple(title for _, title in path))


def paragraphs(sizes: Sequence[int], section: Section) -> Iterator[tuple[int, int]]:
    """Yield (first row, last row) of as many whole paragraphs as make one chunk; a longer one is cut by its lines."""
    first, total, border = section.first, 0, section.first
    for row in range(section.first, section.last + 1):
        if not sizes[row]:
            border = row + 1
        elif total + sizes[row] > MOST and row > first:
            end = border if border > first else row
            yield first, end - 1
            first, border, total = end, end, sum(sizes[end:row])
        total += sizes[row]
    yield first, section.last


def _markdown(lines: Sequence[str]) -> Iterator[Heading]:
    fence = ""
    for row, line in enumerate(lines):
        mark = _FENCE.match(line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        if mark or fence:
            continue
        if atx := _ATX.fullmatch(line, 0, _LONGEST_HEADING):
            if len(line) <= _LONGEST_HEADING and atx[2]:
                yield Heading(first=row, last=row, level=len(atx[1]), title=_title(atx[2]))
        elif row and _is_title(lines, row - 1) and (setext := _SETEXT.fullmatch(line)):
            yield Heading(first=row - 1, last=row, level=1 if setext[1] else 2, title=_title(lines[row - 1]))


def _is_title(lines: Sequence[str], row: int) -> bool:
    """Return whether a line may be underlined: alone, and neither a list's, nor a table's, nor a quotation's."""
    line = lines[row].strip()
    alone = row == 0 or not lines[row - 1].strip()
    return alone and 0 < len(line) <= _LONGEST_HEADING and line[0] not in "-*+>|#=`~"


def _rst(lines: Sequence[str]) -> Iterator[Heading]:
    """Levels are those of the order in which the adornments come, as docutils has it."""
    levels: dict[tuple[str, bool], int] = {}
    row = 1
    while row < len(lines):
        line, title = lines[row].rstrip(), lines[row - 1].rstrip()
        adornment = _ADORNMENT.fullmatch(line) if 0 < len(title) <= _LONGEST_HEADING else None
        if adornment is None or len(line) < len(title) or _ADORNMENT.fullmatch(title):
            row += 1
            continue
        over = row > 1 and lines[row - 2].rstrip() == line
        if over or (not title[0].isspace() and (row == 1 or not lines[row - 2].strip())):
            level = levels.setdefault((adornment[1], over), len(levels) + 1)
            yield Heading(first=row - 2 if over else row - 1, last=row, level=level, title=_title(title))
        row += 2


def _title(text: str) -> str:
    return " ".join(text.strip().strip("*_`").split())


_HEADINGS = {"markdown": _markdown, "rst": _rst}
