"""Scratch space: one folder a worker process, and the folders of dead ones swept away."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psutil

from shared.logs import get_logger

log = get_logger(__name__)


def claim_scratch(base: Path, worker: str) -> Path:
    """Make and return this process's own folder below ``base``; delete those of processes that are gone."""
    base.mkdir(parents=True, exist_ok=True, mode=0o700)
    for entry in base.iterdir():
        owner = entry.name.split("@", 1)[0]
        if entry.is_dir() and owner.isdigit() and "@" in entry.name and not psutil.pid_exists(int(owner)):
            shutil.rmtree(entry, ignore_errors=True)
            log.info("scratch_swept", folder=entry.name)
    own = base / f"{os.getpid()}@{worker}"
    own.mkdir(mode=0o700)
    return own
