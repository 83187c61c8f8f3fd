"""What people call a repository: a URL, a name, or a folder of this machine."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pharos.answers import Repository
from shared.errors import InvalidRepository, InvalidRequest, NotFound
from shared.repositories import parse_repository, strip_userinfo

#: A name or a password of somebody in an address, unlike the user of ``git@host:owner/name``, who is everybody.
_USERINFO = re.compile(r"[:/][^/\s]*@")


def local_folder(text: str) -> Path | None:
    """Return the absolute folder that ``text`` means, or None when it is an address or a name."""
    looks_local = text.startswith(("/", "./", "../", "~")) or text in {".", ".."}
    path = Path(text).expanduser()
    if looks_local or path.is_absolute() or ("/" not in text and path.is_dir()):
        return path.resolve()
    return None


def address_of(text: str) -> str:
    """Return ``text`` as the control plane takes it: a folder of this machine by its absolute path."""
    folder = local_folder(text)
    return folder.as_posix() if folder is not None else text


def name_of(text: str) -> str:
    """Return what the control plane knows a folder of this machine or an address by; a name or an id as it is."""
    if local_folder(text) is None and "://" not in text and not text.startswith("git@"):
        return text
    return next(iter(_names(text)), text)


def find_repository(text: str, known: Iterable[Repository]) -> Repository:
    """Return the one among ``known`` that ``text`` means: an id, a canonical name, an address, or ``owner/name``.

    Raises:
        NotFound: there is none.
        InvalidRequest: there are several.
    """
    repositories = list(known)
    wanted = {text, text.lower(), *_names(text)}
    exact = [one for one in repositories if one["id"] == text or one["name"] in wanted]
    ending = [one for one in repositories if one["name"].lower().endswith(f"/{text.lower().strip('/')}")]
    found = exact or ending
    # An address that was copied may have somebody's password in it.
    said = strip_userinfo(text) if _USERINFO.search(text) else text
    if len(found) > 1:
        names = ", ".join(one["name"] for one in found[:5])
        raise InvalidRequest(f"'{said}' may mean {names}. Nothing was done. Give the whole name.")
    if not found:
        raise NotFound(f"No repository '{said}' is indexed. Look: pharos repositories. Index it: pharos submit {said}")
    return found[0]


def _names(text: str) -> list[str]:
    folder = local_folder(text)
    if folder is not None:
        return [f"local:{folder.as_posix()}"]
    try:
        return [parse_repository(text, hosts=("*", "github.com")).name]
    except InvalidRepository:
        return []
