"""A git folder that borrows another's objects, refs and index, and none of its configuration, hooks or filters.

Git runs what a repository's own configuration names: filters, a watcher of files, a way to fetch what is missing. A
folder that somebody else made must not have that run only because its imports are looked at.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

#: What leads from one git folder to another, and a configuration, are far shorter.
_MOST_BYTES = 1 << 16
_SHA256 = re.compile(rb"(?im)^[ \t]*objectformat[ \t]*=[ \t]*\"?sha256")


@dataclass(frozen=True, kw_only=True, slots=True)
class GitPlace:
    """Where a repository of this machine keeps what git needs."""

    #: Its HEAD and index; ``common`` has objects and refs, elsewhere for a linked work tree.
    own: Path
    common: Path
    #: The work tree; None for a bare repository.
    top: Path | None


def find_repository(folder: Path) -> GitPlace | None:
    """Return the repository that ``folder``, an absolute path, is or lies in; None where there is none."""
    if _is_git_dir(folder):
        return GitPlace(own=folder, common=folder, top=None)
    for above in (folder, *folder.parents):
        own = _git_dir(above / ".git")
        if own is not None:
            shared = os.fsdecode(_first_line(own / "commondir"))
            return GitPlace(own=own, common=own / shared, top=above)
    return None


def cast_shadow(place: GitPlace, into: Path) -> None:
    """Make ``into`` a bare repository that sees the objects, refs and HEAD of ``place``, and its own configuration.

    Raises:
        OSError: ``into`` cannot be written, or the repository cannot be read.
    """
    information = into / "objects" / "info"
    information.mkdir(parents=True)
    (information / "alternates").write_bytes(_quoted(place.common / "objects") + b"\n")
    sha256 = _SHA256.search(_beginning(place.common / "config")) is not None
    version, extension = (1, "[extensions]\n\tobjectFormat = sha256\n") if sha256 else (0, "")
    config = f"[core]\n\trepositoryformatversion = {version}\n\tbare = true\n{extension}"
    (into / "config").write_text(config, encoding="ascii")
    (into / "HEAD").write_bytes(_first_line(place.own / "HEAD") + b"\n")
    for name in ("refs", "packed-refs"):
        _lend(place.common / name, into / name)
    (into / "refs").mkdir(exist_ok=True)


def _is_git_dir(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()


def _git_dir(marker: Path) -> Path | None:
    """Return the git folder that a ``.git`` is, or that the file of this name leads to."""
    if marker.is_file():
        word, _, target = _first_line(marker).partition(b": ")
        if word != b"gitdir" or not target:
            return None
        marker = marker.parent / os.fsdecode(target)
    return marker if (marker / "HEAD").is_file() else None


def _lend(real: Path, name: Path) -> None:
    if not real.exists():
        return
    try:
        name.symlink_to(real)
    except OSError:  # a system that lets nobody make links
        (shutil.copytree if real.is_dir() else shutil.copyfile)(real, name)


def _quoted(path: Path) -> bytes:
    """Git takes a line of alternates that begins with a quote in the manner of C."""
    escaped = os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + escaped + b'"'


def _first_line(path: Path) -> bytes:
    return _beginning(path).partition(b"\n")[0].strip()


def _beginning(path: Path) -> bytes:
    """Return the first bytes of a regular file, nothing for anything else."""
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(_MOST_BYTES)
