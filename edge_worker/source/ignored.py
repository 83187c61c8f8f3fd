"""The repository's own ``.gitignore`` files, applied with git's rules (gitignore(5))."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore import GitIgnorePatternError

#: Each wildcard multiplies the time of a match that fails, by up to the length of a name; the text is untrusted.
#: Node's own template needs four.
_MAX_WILDCARDS = 4
_MAX_LINE = 500
_MAX_LINES = 2000
_WILDCARDS = re.compile(r"\*+")


class IgnoreRules:
    """Decides for paths of one commit; folders are decided once."""

    def __init__(self, files: Mapping[str, str]) -> None:
        """Take the text of each ``.gitignore`` by its path. Lines that git could not use either count for nothing."""
        self._rules = {path.rpartition("/")[0]: _spec(text) for path, text in files.items()}
        self._folders: dict[str, bool] = {"": False}

    def ignore(self, path: str) -> bool:
        """Return whether git would leave ``path`` alone if it were not tracked."""
        if not self._rules:
            return False
        return self._folder(path.rpartition("/")[0]) or self._decide(path)

    def _folder(self, path: str) -> bool:
        """A folder that is ignored hides all that is in it; no rule below it can bring a file back."""
        if path not in self._folders:
            self._folders[path] = self._folder(path.rpartition("/")[0]) or self._decide(path + "/")
        return self._folders[path]

    def _decide(self, path: str) -> bool:
        """The nearest file that says anything about the path decides."""
        folder = path.rstrip("/").rpartition("/")[0]
        while True:
            spec = self._rules.get(folder)
            said = spec.check_file(path[len(folder) + 1 :] if folder else path).include if spec else None
            if said is not None:
                return said
            if not folder:
                return False
            folder = folder.rpartition("/")[0]


def _spec(text: str) -> GitIgnoreSpec:
    lines = [line for line in text.splitlines()[:_MAX_LINES] if _is_cheap(line)]
    try:
        return GitIgnoreSpec.from_lines(lines)
    except GitIgnorePatternError:
        return GitIgnoreSpec.from_lines(_valid(lines))


def _is_cheap(line: str) -> bool:
    return len(line) <= _MAX_LINE and len(_WILDCARDS.findall(line)) <= _MAX_WILDCARDS


def _valid(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        try:
            GitIgnoreSpec.from_lines([line])
        except GitIgnorePatternError:
            continue
        yield line
