"""The data folder of one running stack: claimed for one process, with the secrets that it keeps."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import count, islice
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from pharos.stack.private import kept_secrets, make_private_folder
from shared.errors import ConfigurationError

#: The folder of a checkout in which the stack keeps everything.
DEFAULT = ".pharos"
#: How many stacks may run side by side from one base.
MOST = 99


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """What the parts of one stack show to each other; made once, the same after every restart."""

    admin_token: str
    worker_token: str
    app_password: str
    keeper_password: str

    def __repr__(self) -> str:
        return "Secrets(…)"


class Instance:
    """A data folder that this process holds until ``release``, or until it dies."""

    def __init__(self, folder: Path, lock: FileLock) -> None:
        self.folder = folder
        self._lock = lock
        kept = kept_secrets(folder / "secrets.json", _new_secrets)
        self.secrets = Secrets(**{field.name: kept[field.name] for field in fields(Secrets)})

    @classmethod
    def claim(cls, base: Path) -> Self:
        """Claim the first free folder of ``base``, ``base-2``, ``base-3`` …, so that stacks stand side by side.

        A folder that another process holds, or that belongs to another user, is not free.

        Raises:
            ConfigurationError: none of them could be claimed or made.
        """
        for folder in islice(_candidates(base.absolute()), MOST):
            lock = _try_lock(folder)
            if lock is not None:
                return cls(folder, lock)
        raise ConfigurationError(
            f"All of {base} to {base}-{MOST} are in use. Nothing was started. Stop a stack that you no longer need."
        )

    def release(self) -> None:
        """Let another process claim the folder; the data stay."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _candidates(base: Path) -> Iterator[Path]:
    yield base
    yield from (base.with_name(f"{base.name}-{number}") for number in count(2))


def _try_lock(folder: Path) -> FileLock | None:
    if folder.exists() and not _is_mine(folder):
        return None
    try:
        make_private_folder(folder, passable=True)
        lock = FileLock(folder / "lock", mode=0o600, thread_local=False)
        lock.acquire(timeout=0)
    except Timeout:
        return None
    except OSError as error:
        raise ConfigurationError(
            f"The data folder {folder} cannot be used ({error.strerror}). Nothing was started. "
            "Choose a folder in which you may write."
        ) from error
    return lock


def _is_mine(folder: Path) -> bool:
    if sys.platform == "win32":
        return True
    return folder.stat().st_uid == os.geteuid()


def _new_secrets() -> dict[str, str]:
    return {field.name: secrets.token_urlsafe(32) for field in fields(Secrets)}
