"""How git is called: a bare repository in scratch space that sees none of this machine's configuration.

Without a work tree, symlinks, submodules, hooks, filters, LFS and odd file names have nothing to act on.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import git
from pydantic import SecretStr

from edge_worker.source.addresses import Resolve, resolve_public
from edge_worker.source.credentials import header_settings
from edge_worker.source.local import local_git_dir
from edge_worker.source.process import GitProcess, ProcessLimits
from shared.errors import ConfigurationError
from shared.repositories import RepositoryAddress

#: A protocol that does not exist: reading commands can ask nobody for a missing object, whatever git's version.
_NO_PROTOCOL = "none"
_TICK = 0.1

_OPTIONS = (
    "core.hooksPath=/dev/null",
    "core.symlinks=false",
    "core.fsmonitor=false",
    "core.bigFileThreshold=16m",
    "safe.bareRepository=explicit",
    "credential.helper=",
    "gc.auto=0",
    "maintenance.auto=false",
    "pack.threads=2",
    # A large pack must fit into the memory that one git may use.
    "core.packedGitLimit=1g",
    "core.packedGitWindowSize=64m",
)
_FETCH_OPTIONS = (
    "http.followRedirects=false",
    "http.proxy=",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
    "protocol.version=2",
    "transfer.fsckObjects=true",
    # Faults of old tools that are common in honest repositories and can do nothing without a work tree.
    "fetch.fsck.zeroPaddedFilemode=ignore",
    "fetch.fsck.badTimezone=ignore",
    # One pack, never loose objects: few files in scratch space, and one place where sizes are checked.
    "fetch.unpackLimit=1",
    "fetch.writeCommitGraph=false",
)
#: The configuration of our copy. Written again after a fetch, because git notes down there where a blob that the
#: filter left out could be had, and would rather fail than call it missing.
_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"


#: Older ones pass over ``http.curloptResolve`` and ``safe.bareRepository`` without a word.
_OLDEST_GIT = (2, 38)


def require_git() -> None:
    """Return when there is a git that heeds all that it is told here; asked once, when a worker starts.

    Raises:
        ConfigurationError: git is too old.
    """
    found = git.Git().version_info
    if found < _OLDEST_GIT:
        raise ConfigurationError(f"git {'.'.join(map(str, found))} is too old: a worker needs git 2.38 or newer.")


@dataclass(frozen=True, kw_only=True)
class Access:
    """Where this worker may read, and with what: all of it from its own configuration.

    ``token`` is the one found for this repository and tenant; ``ca_file`` holds the certificates that vouch for a
    private host; ``resolve`` answers like ``socket.getaddrinfo``.
    """

    private_hosts: tuple[str, ...] = ()
    local_roots: tuple[Path, ...] = ()
    token: SecretStr | None = None
    ca_file: Path | None = None
    resolve: Resolve = field(default=socket.getaddrinfo, repr=False)


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A checked way to one repository: the URL and what git must be told to reach it and nothing else."""

    url: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(repr=False)
    protected: tuple[str, ...] = ()


def open_remote(address: RepositoryAddress, access: Access) -> Remote:
    """Return the way to ``address`` after its host or its path was checked.

    Raises:
        Permanent: ``address_refused`` or ``repository_not_found``.
        Transient: ``host_not_found``.
    """
    if address.host is None:
        return _local_remote(address, access)
    pinned = resolve_public(address.host, private_hosts=access.private_hosts, resolve=access.resolve)
    ip = f"[{pinned}]" if ":" in pinned else pinned
    pin = f"http.curloptResolve={address.host}:{urlsplit(address.url).port or 443}:{ip}"
    environment = {"GIT_ALLOW_PROTOCOL": "https", **header_settings(address.url, access.token)}
    if access.ca_file:
        environment["GIT_SSL_CAINFO"] = str(access.ca_file)
    return Remote(url=address.url, arguments=_config([pin]), environment=environment)


def _local_remote(address: RepositoryAddress, access: Access) -> Remote:
    folder = local_git_dir(address, roots=access.local_roots)
    # A bare path cannot name a remote that leaves blobs out; a file URL can.
    return Remote(
        url=f"file://{quote(str(folder))}",
        environment={"GIT_ALLOW_PROTOCOL": "file", **header_settings("", None)},
        protected=(str(folder), str(folder.parent)),
    )


#: What runs in the source repository of a local fetch, and under its configuration: it must not fetch for itself.
LOCAL_UPLOAD_PACK = "--upload-pack=env GIT_ALLOW_PROTOCOL=none GIT_NO_LAZY_FETCH=1 git-upload-pack --strict"


@dataclass(frozen=True, kw_only=True)
class GitFolder:
    """A job's own bare repository, with a home folder and a global configuration of its own."""

    root: Path

    @property
    def repository(self) -> Path:
        """The bare repository itself."""
        return self.root / "repository"

    @property
    def _global_config(self) -> Path:
        return self.root / "gitconfig"

    def create(self, remote: Remote, *, limits: ProcessLimits, tick: Callable[[], None]) -> None:
        """Make the bare repository, unless it is there, and the configuration that ``remote`` needs."""
        self.root.mkdir(parents=True, exist_ok=True)
        safe = "".join(f'\tdirectory = "{_escaped(path)}"\n' for path in remote.protected)
        upload = "[uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n" if remote.protected else ""
        self._global_config.write_text(f"[safe]\n{safe}{upload}", encoding="utf-8", errors="surrogateescape")
        if not (self.repository / "HEAD").exists():
            init = ("init", "--quiet", "--bare", "--template=", "--", str(self.repository))
            with GitProcess(init, folder=self.root, environment=self._environment({}), limits=limits) as process:
                code = wait(process, tick)
                if code:
                    raise OSError(f"git init ended with {code}: {process.errors()[-300:]}")
        self.forget_remote()

    def forget_remote(self) -> None:
        """Bring the copy's configuration back to what it is without any remote."""
        (self.repository / "config").write_text(_CONFIG, encoding="utf-8")

    def ask(self, remote: Remote, arguments: Sequence[str], *, limits: ProcessLimits) -> GitProcess:
        """Start a command that talks to ``remote``."""
        return GitProcess(
            (*_config((*_OPTIONS, *_FETCH_OPTIONS)), *remote.arguments, *arguments),
            folder=self.root,
            environment=self._environment(remote.environment) | {"GIT_DIR": str(self.repository)},
            limits=limits,
        )

    def read(self, arguments: Sequence[str], *, limits: ProcessLimits) -> GitProcess:
        """Start a command that reads the copy, with its standard input and output open to the caller."""
        return GitProcess(
            (*_config(_OPTIONS), *arguments),
            folder=self.root,
            environment=self._environment({}) | {"GIT_DIR": str(self.repository)},
            limits=limits,
            stream=True,
        )

    def _environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        return {
            "HOME": str(self.root),
            "GIT_ALLOW_PROTOCOL": _NO_PROTOCOL,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(self._global_config),
            "GIT_CONFIG_COUNT": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "false",
            "GIT_SSH_COMMAND": "false",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            **extra,
        }


def wait(process: GitProcess, tick: Callable[[], None]) -> int:
    """Return the exit code of ``process``; ``tick`` is called ten times a second and may raise."""
    while (code := process.wait(_TICK)) is None:
        tick()
    return code


def _config(options: Sequence[str]) -> tuple[str, ...]:
    return tuple(part for option in options for part in ("-c", option))


def _escaped(path: str) -> str:
    return path.replace("\\", "\\\\").replace('"', '\\"')
