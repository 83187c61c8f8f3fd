"""What became of files between two states of a repository: the words for it, and how git lists them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["added", "modified", "removed", "renamed"]

#: Git's letters (``git help diff``, ``--diff-filter``); another letter says nothing about a file that is there.
_STATUS: dict[bytes, Status] = {
    b"A": "added",
    b"C": "added",
    b"M": "modified",
    b"T": "modified",
    b"U": "modified",
    b"D": "removed",
    b"R": "renamed",
}
_WITH_TWO_PATHS = frozenset({b"C", b"R"})


@dataclass(frozen=True, kw_only=True)
class Change:
    """One file of a change; ``before`` is what a renamed one was called."""

    path: str
    status: Status
    before: str | None = None

    @property
    def gone(self) -> str | None:
        """The path under which there is nothing any more."""
        return self.path if self.status == "removed" else self.before if self.status == "renamed" else None


def shown_path(path: bytes) -> str:
    """Return a path of git as answers show it: bytes that are not UTF-8 escaped."""
    return path.decode("utf-8", "backslashreplace")


def changes_of(listing: bytes) -> list[Change]:
    """Return what ``git diff --name-status -z`` listed, each path once, by path."""
    found: dict[str, Change] = {}
    rest = iter(listing.split(b"\0")[:-1])
    for word in rest:
        letter = word[:1]
        before = shown_path(next(rest)) if letter in _WITH_TWO_PATHS else None
        path, status = shown_path(next(rest)), _STATUS.get(letter)
        if status is not None:
            # A file in conflict is listed twice, the second time as it lies on disk.
            found[path] = Change(path=path, status=status, before=before if status == "renamed" else None)
    return sorted(found.values(), key=lambda one: one.path)
