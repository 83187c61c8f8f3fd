"""The repository's own ``.gitignore`` files, applied with git's rules (gitignore(5)); their text is untrusted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import AnyStr

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from shared.logs import get_logger

#: A larger file of rules is left unread: Node's own template has 2 kB.
MAX_RULES_BYTES = 64_000
_MAX_LINE = 500
_MAX_LINES = 2000
#: Lines of all the different files together; each takes about 1 kB once it is compiled.
_MAX_LINES_IN_ALL = 20_000
#: Lines tried in all, half a microsecond each: a hundred thousand files against a thousand lines.
_MAX_TRIES = 100_000_000
#: Each ``**`` multiplies the time of a match that fails, by up to the depth of a path.
_MAX_DEEP = 2
_MAX_WILDCARDS = 8
_DEEP = re.compile(r"\*{2,}")
_WILDCARDS = re.compile(r"\*+")
#: ``*`` as a regular expression, then what cannot vary in length, then another ``*``.
_STAR = r"\[\^/\]\*"
_STARS = re.compile(rf"(?:{_STAR}){{2,}}")
_FIXED = rf"(?:(?!{_STAR})(?:\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[^\\\[\]()/*+?|^$]))+"
_STAR_BEFORE_STAR = re.compile(rf"{_STAR}({_FIXED})(?={_STAR})")

#: How a line says that git could not use it either; the second for a range of characters that goes backwards.
_WRONG = (GitIgnorePatternError, re.error)

log = get_logger("source.ignored")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Folder:
    """A folder on the way to a path; ``prefix`` ends with ``/``, but for the root."""

    prefix: str
    ignored: bool
    spec: GitIgnoreSpec | None


class IgnoreRules:
    """Decides for paths of one commit. Ask in order of paths: a folder is decided once as long as they stay in it.

    Time and memory are bounded, whatever the rules: a line made to be slow counts for nothing, as do lines above
    20,000 in all, and every rule once a hundred million were tried.
    """

    def __init__(self, folders: Mapping[str, str], contents: Iterable[tuple[str, bytes | None]]) -> None:
        """Take which object holds a folder's rules, and the objects' contents: each once, the weightiest first."""
        specs = dict(_specs(contents))
        self._rules = {f"{folder}/" if folder else "": specs[oid] for folder, oid in folders.items() if oid in specs}
        self._open = [_Folder(prefix="", ignored=False, spec=self._rules.get(""))]
        self._tries = _MAX_TRIES

    def ignore(self, path: str) -> bool:
        """Return whether git would leave ``path`` alone if it were not tracked."""
        if not self._rules:
            return False
        self._enter(path)
        return self._open[-1].ignored or self._decide(path)

    def _enter(self, path: str) -> None:
        """Open the folders above ``path``, as far as one that is ignored: no rule below it can bring a file back."""
        while not path.startswith(self._open[-1].prefix):
            self._open.pop()
        while not self._open[-1].ignored:
            end = path.find("/", len(self._open[-1].prefix))
            if end < 0:
                return
            prefix = path[: end + 1]
            self._open.append(_Folder(prefix=prefix, ignored=self._decide(prefix), spec=self._rules.get(prefix)))

    def _decide(self, path: str) -> bool:
        """The nearest file that says anything about the path decides."""
        for folder in reversed(self._open):
            if folder.spec is None:
                continue
            self._tries -= len(folder.spec.patterns)
            if self._tries < 0:
                return False
            said = folder.spec.check_file(path[len(folder.prefix) :]).include
            if said is not None:
                return said
        return False


class _Pattern(GitIgnoreSpecPattern):
    """A line whose stars within a name take the first place that fits, and never try another.

    As in the standard library's ``fnmatch``: what is between two stars has one length, so a later place cannot do
    better. Without it, a name of 1,000 letters takes minutes against ``*a*a*a*b``.
    """

    @classmethod
    def pattern_to_regex(cls, pattern: AnyStr) -> tuple[AnyStr | None, bool | None]:
        regex, include = super().pattern_to_regex(pattern)
        if isinstance(regex, str):
            regex = _STAR_BEFORE_STAR.sub(r"(?>[^/]*?\1)", _STARS.sub("[^/]*", regex))
        return regex, include


def _specs(contents: Iterable[tuple[str, bytes | None]]) -> Iterator[tuple[str, GitIgnoreSpec]]:
    left = _MAX_LINES_IN_ALL
    for oid, data in contents:
        lines = _lines(data or b"")
        if len(lines) > left:
            log.warning("ignore_rules_left_out", most=_MAX_LINES_IN_ALL)
            return
        left -= len(lines)
        if lines:
            yield oid, _spec(lines)


def _lines(data: bytes) -> list[str]:
    """Return the lines that say something, at most 2,000."""
    if len(data) > MAX_RULES_BYTES:
        return []
    lines = data.decode("utf-8", "surrogateescape").splitlines()[:_MAX_LINES]
    return [line for line in lines if line.strip() and not line.startswith("#") and _is_cheap(line)]


def _spec(lines: list[str]) -> GitIgnoreSpec:
    try:
        return GitIgnoreSpec.from_lines(_Pattern, lines)
    except _WRONG:
        return GitIgnoreSpec.from_lines(_Pattern, _valid(lines))


def _is_cheap(line: str) -> bool:
    return (
        len(line) <= _MAX_LINE
        and len(_WILDCARDS.findall(line)) <= _MAX_WILDCARDS
        and len(_DEEP.findall(line)) <= _MAX_DEEP
    )


def _valid(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        try:
            GitIgnoreSpec.from_lines(_Pattern, [line])
        except _WRONG:
            continue
        yield line
