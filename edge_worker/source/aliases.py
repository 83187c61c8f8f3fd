"""Where the symlinks of a commit lead, by name alone: nothing is ever opened through one."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Mapping

#: As many links in a row as are followed.
_HOPS = 8


def resolve_aliases(links: Mapping[str, str], *, paths: Collection[str]) -> dict[str, str]:
    """Return, for each symlink, the real path that it ends at: one of ``paths`` or a folder above one.

    Left out are links that lead out of the repository, to nothing, in a circle, or over more than eight others.
    """
    real = {folder for path in paths for folder in _parents(path)} | set(paths)
    found = {link: _follow(link, links) for link in links}
    return {link: target for link, target in found.items() if target is not None and target in real}


def _follow(link: str, links: Mapping[str, str]) -> str | None:
    path: str | None = link
    for _ in range(_HOPS + 1):
        if path is None:
            return None
        head = next((part for part in _prefixes(path) if part in links), None)
        if head is None:
            return path
        path = _target(head, links[head], path[len(head) :].lstrip("/"))
    return None


def _target(link: str, target: str, rest: str) -> str | None:
    if target.startswith("/") or "\0" in target:
        return None
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(link), target, rest))
    if joined in {".", ".."} or joined.startswith("../"):
        return None
    return joined


def _prefixes(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _parents(path: str) -> list[str]:
    return _prefixes(path)[:-1]
