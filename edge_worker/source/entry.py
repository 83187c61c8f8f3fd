"""The word for one line of a listing, whoever made it: a commit, or a folder as it lies on disk."""

from __future__ import annotations

from typing import NamedTuple

#: Modes of files, neither of a symlink nor of a submodule.
REGULAR = frozenset(("100644", "100755", "100664"))


class Entry(NamedTuple):
    """A path and what stands there. A tuple, since a listing may have a hundred thousand of them."""

    mode: str
    #: The name by which the contents are asked for: git's object name, or for a file on disk its path.
    oid: str
    #: None for what was not fetched: too large, or a submodule.
    size: int | None
    path: str
