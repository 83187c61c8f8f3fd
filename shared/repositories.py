"""Names of repositories: every way to write one address leads to one canonical name, and nothing else gets in.

This is the first half of the guard against server-side request forgery: it looks at the text alone. The worker
resolves the host and looks at the addresses before it connects (``edge_worker.source.addresses``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import unquote

from shared.errors import InvalidRepository

#: Hosts where owner and name are told apart without regard to case, and how many parts a path has there.
_KNOWN_HOSTS = {"github.com": 2, "codeberg.org": 2, "bitbucket.org": 2, "gitlab.com": 20}
_HOST = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_PART = re.compile(r"[A-Za-z0-9_.~-]{1,100}")
_SCP = re.compile(r"git@([A-Za-z0-9.-]+):(?!/)(.+)")
#: With the longest host name, an address still fits a payload.
_LONGEST = 200
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_LOCAL = re.compile(r"[^\x00-\x1f\x7f]{1,400}")


@dataclass(frozen=True, kw_only=True)
class RepositoryAddress:
    """A repository that may be read: ``name`` is its identity, ``url`` is what git is given."""

    name: str
    url: str
    host: str | None

    @property
    def local(self) -> bool:
        """Whether it lies on a worker's own disk."""
        return self.host is None


def parse_repository(raw: str, *, hosts: Iterable[str], local_roots: Iterable[str] = ()) -> RepositoryAddress:
    """Return the address that ``raw`` stands for.

    Accepts ``https://host/owner/name``, the same percent-encoded or with the double slash lost by a proxy,
    ``host/owner/name``, ``owner/name`` (github.com), ``git@host:owner/name``, and absolute local paths below
    ``local_roots``. A ``.git`` suffix and trailing slashes are dropped.

    Raises:
        InvalidRepository: it is anything else, or its host is not among ``hosts`` (``*`` admits any public name).
    """
    text = unquote(raw).strip()
    if not text or len(text) > 500:
        raise InvalidRepository("The address of a repository has 1 to 500 characters. Nothing was queued.")
    if text.startswith("/") or _DRIVE.match(text):
        return _local(text, local_roots)
    host, path = _split(text)
    _check_host(host, tuple(hosts))
    parts = _parts(path)
    known = _KNOWN_HOSTS.get(host)
    if not 2 <= len(parts) <= (known or 20):
        raise InvalidRepository(f"'{host}' addresses have the form {host}/owner/name. Nothing was queued.")
    joined = "/".join(parts)
    if known:
        joined = joined.lower()
    if len(joined) > _LONGEST:
        raise InvalidRepository(f"A repository's path has {_LONGEST} characters at most. Nothing was queued.")
    return RepositoryAddress(name=f"{host}/{joined}", url=f"https://{host}/{joined}", host=host)


def strip_userinfo(text: str) -> str:
    """Return ``text`` without anything that could be a password in an address, fit for a log or an error."""
    return re.sub(r"(?i)([a-z][a-z0-9+.-]*:/{1,2})?[^/@\s]*@(?=[^/@\s]+)", r"\1", unquote(text))[:200]


def _split(text: str) -> tuple[str, str]:
    scp = _SCP.fullmatch(text)
    if scp:
        return scp[1].lower(), scp[2]
    scheme = re.match(r"^([A-Za-z][A-Za-z0-9+.-]*):/{1,2}", text)
    if scheme:
        if scheme[1].lower() != "https":
            raise InvalidRepository("Only https:// addresses are read. Nothing was queued.")
        text = text[scheme.end() :]
    if "@" in text.split("/")[0]:
        raise InvalidRepository(
            "An address must not carry a user name or a token. Keep tokens in the worker's own settings. "
            "Nothing was queued."
        )
    first, _, rest = text.partition("/")
    if not scheme and "." not in first:
        return "github.com", text
    return first.lower(), rest


def _check_host(host: str, hosts: tuple[str, ...]) -> None:
    if host in hosts and _HOST.fullmatch(host):
        return
    if (
        "*" in hosts
        and _HOST.fullmatch(host)
        and not host.endswith((".local", ".internal", ".localhost", ".home.arpa"))
    ):
        return
    raise InvalidRepository(
        "That host is not one that repositories may come from (PHAROS_GIT_HOSTS). Nothing was queued."
    )


def _parts(path: str) -> list[str]:
    parts = path.rstrip("/").removesuffix(".git").split("/")
    for part in parts:
        if not _PART.fullmatch(part) or part in {".", ".."} or part.startswith("-"):
            raise InvalidRepository("That address has a part that no repository has. Nothing was queued.")
    if len(parts) > 2 and {"tree", "blob", "-", "raw", "commit"} & set(parts[2:]):
        raise InvalidRepository(
            "That is an address inside a repository. Give the repository itself, and a branch as 'ref'. "
            "Nothing was queued."
        )
    return parts


def _local(text: str, roots: Iterable[str]) -> RepositoryAddress:
    if not _LOCAL.fullmatch(text):
        raise InvalidRepository("That path has characters that no folder here has. Nothing was queued.")
    kind = PureWindowsPath if _DRIVE.match(text) else PurePosixPath
    # A drive is one drive however it is written, and its repositories have one name.
    path = kind(text[0].upper() + text[1:])
    inside = any(path.is_relative_to(kind(root)) for root in roots if root)
    if not inside or ".." in path.parts:
        raise InvalidRepository(
            "A local path is read only below PHAROS_LOCAL_ROOTS of the control plane and of the worker. "
            "Nothing was queued."
        )
    return RepositoryAddress(name=f"local:{path.as_posix()}", url=str(path), host=None)
