"""What go.mod and go.work say about where packages lie: the module's own path, and what replaces others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge_worker.source.resolve.repository import Repository, join, parent

_COMMENT = re.compile(r"//.*")
_TOKEN = re.compile(r"\"[^\"]*\"|`[^`]*`|=>|[()]|[^\s()\"`]+")
_BLOCKS = {"replace", "module", "require", "exclude", "retract", "use", "tool", "ignore", "godebug"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Module:
    """A directory with a go.mod."""

    directory: str
    #: What import paths of its packages begin with.
    path: str
    #: Module paths to the directories of the repository that stand in for them, here.
    replaced: dict[str, str]


def read_module(repository: Repository, path: str) -> Module | None:
    """Return the module of a go.mod; None, and the file among the unreadable, if it names none."""
    lines = list(_lines(repository.text(path)))
    name = next((words[1] for words in lines if words[0] == "module" and len(words) > 1), None)
    if name is None:
        repository.unreadable.add(path)
        return None
    return Module(directory=parent(path), path=name, replaced=dict(_replaced(lines, parent(path))))


def read_workspace(repository: Repository, path: str) -> dict[str, str]:
    """Return what a go.work replaces, as ``Module.replaced``. The modules that it uses are found by their go.mod."""
    return dict(_replaced(list(_lines(repository.text(path))), parent(path)))


def _replaced(lines: list[list[str]], directory: str) -> Iterator[tuple[str, str]]:
    for words in lines:
        if words[0] == "replace" and "=>" in words[2:4] and len(words) > words.index("=>") + 1:
            target = words[words.index("=>") + 1]
            local = join(directory, target) if target.startswith(("./", "../")) or target in {".", ".."} else None
            if local is not None:
                yield words[1], local


def _lines(text: str) -> Iterator[list[str]]:
    """Yield each directive as words, those of a block one by one."""
    block = ""
    for line in text.splitlines():
        words = [word.strip('"`') for word in _TOKEN.findall(_COMMENT.sub("", line))]
        if not words:
            continue
        if block:
            block = "" if words[0] == ")" else block
            if block:
                yield [block, *words]
        elif words[1:] == ["("] and words[0] in _BLOCKS:
            block = words[0]
        else:
            yield words
