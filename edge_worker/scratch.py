"""Scratch space: one folder a worker process, and the folders of dead ones swept away."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import psutil

from shared.errors import ConfigurationError
from shared.logs import get_logger

log = get_logger(__name__)

_OWNED = re.compile(r"([0-9]{1,9})@")


def claim_scratch(base: Path, worker: str) -> Path:
    """Make and return this process's own folder below ``base``; delete those of processes that are gone.

    Raises:
        ConfigurationError: this user cannot write there.
    """
    own = base / f"{os.getpid()}@{worker}"
    try:
        base.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sweep(base)
        own.mkdir(mode=0o700)
    except OSError as error:
        raise ConfigurationError(f"PHAROS_WORK_DIR is wrong: {error.strerror} at {error.filename}") from error
    return own


def _sweep(base: Path) -> None:
    for entry in base.iterdir():
        owner = _OWNED.match(entry.name)
        if entry.is_dir() and owner is not None and _gone(int(owner[1])):
            shutil.rmtree(entry, ignore_errors=True)
            log.info("scratch_swept", folder=entry.name)


def _gone(owner: int) -> bool:
    """Return whether a folder's process is no more. In a container every process in turn has the number of this one."""
    return owner == os.getpid() or not psutil.pid_exists(owner)


def clear(folder: Path) -> None:
    """Delete what an attempt left; most leave nothing, and a tree is walked for the others alone."""
    try:
        folder.rmdir()
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
