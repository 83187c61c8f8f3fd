"""Private files and folders: secrets that only their owner reads."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

FILE_MODE = 0o600


def is_root() -> bool:
    """Return whether this process runs as root (never on Windows)."""
    return sys.platform != "win32" and os.geteuid() == 0


def make_private_folder(folder: Path, *, passable: bool = False) -> None:
    """Create ``folder`` for this user alone: mode 0700.

    A ``passable`` one is 0711 when made by root: a server below it that runs under another user must pass through. It
    cannot be listed, and everything in it is to be 0600 or 0700.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711 if passable and is_root() else 0o700)


def write_private(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` with mode 0600, whole or not at all, also when the power fails."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def kept_secrets(path: Path, make: Callable[[], dict[str, str]]) -> dict[str, str]:
    """Return the secrets in ``path``; the first call makes and keeps them, every later one returns the same."""
    if not path.exists():
        write_private(path, json.dumps(make(), indent=1))
    return {str(key): str(value) for key, value in json.loads(path.read_text(encoding="utf-8")).items()}
