"""Where the symlinks of a commit lead, by name alone: nothing is ever opened through one."""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from collections.abc import Mapping, Sequence

#: The longest target that an operating system follows (PATH_MAX); longer ones are left unread.
MAX_TARGET_BYTES = 4096
#: As many links in a row as are followed.
_HOPS = 8


def target_of(link: str, content: bytes) -> str | None:
    """Return the path that a symlink holding ``content`` names, "" for the root; None for one out of the repository."""
    text = content.decode("utf-8", "surrogateescape")
    if text.startswith("/") or "\0" in text:
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(link), text))
    if path == ".." or path.startswith("../"):
        return None
    return "" if path == "." else path


def real_path(link: str, *, targets: Mapping[str, str], paths: Sequence[str]) -> str | None:
    """Return the real path that a symlink ends at: one of ``paths``, which are sorted, or a folder above one.

    None for a link that leads to nothing, in a circle, or over more than eight others. ``targets`` are the links by
    path, as ``target_of`` gives them.
    """
    path = link
    for _ in range(_HOPS + 1):
        head = _link_in(path, targets)
        if head is None:
            return path if _is_there(path, paths) else None
        path = posixpath.join(targets[head], path[len(head) + 1 :]).rstrip("/")
    return None


def _link_in(path: str, targets: Mapping[str, str]) -> str | None:
    """Return the first folder on the way, or the path itself, that is a link."""
    end = path.find("/")
    while end >= 0:
        if path[:end] in targets:
            return path[:end]
        end = path.find("/", end + 1)
    return path if path in targets else None


def _is_there(path: str, paths: Sequence[str]) -> bool:
    """Tell by where the path and its contents would stand; the root is not asked for."""
    return bool(path) and any(
        place < len(paths) and (paths[place] == path or paths[place].startswith(f"{path}/"))
        for place in (bisect_left(paths, path), bisect_left(paths, f"{path}/"))
    )
