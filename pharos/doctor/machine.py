"""This machine: Python, git, the GPU, the disk."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

from pharos.doctor.check import Check, Finding

_OLDEST, _NEWEST = (3, 11), (3, 14)
_GIB = 2**30
#: GiB free for scratch space, below which a large repository may not fit, and below which hardly any does.
_TIGHT, _LEAST = 5, 1


def machine_checks(*, work_dir: Path) -> list[Check]:
    """Return the checks of this machine; ``work_dir`` is where a worker keeps its scratch space."""
    return [
        Check(group="machine", name="Python", look=look_at_python, fix="install Python 3.13"),
        Check(group="machine", name="git", look=look_at_git, fix="apt install git"),
        Check(group="machine", name="GPU", look=look_at_gpu, fix="nvidia-smi"),
        Check(group="machine", name="disk", look=lambda: look_at_disk(work_dir), fix=f"df -h {work_dir}"),
    ]


def look_at_python() -> Finding:
    """Whether this Python is one that Pharos runs on."""
    version = platform.python_version()
    if _OLDEST <= sys.version_info[:2] <= _NEWEST:
        return Finding(grade="OK", found=f"{version} at {sys.executable}")
    return Finding(grade="FAIL", found=f"{version}; 3.11 to 3.14 are supported", fix="install Python 3.13")


def look_at_git() -> Finding:
    """Whether git is here; workers need it."""
    program = shutil.which("git")
    if program is None:
        return Finding(grade="FAIL", found="not on the PATH; a worker cannot fetch", fix="apt install git")
    asked = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=3)
    return Finding(grade="OK", found=asked.stdout.strip().removeprefix("git version "))


def look_at_gpu() -> Finding:
    """Which NVIDIA GPUs are here, and how much of their memory is free."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return Finding(grade="OK", found="none from NVIDIA; a worker here trains on the CPU")
    query = [program, "--query-gpu=name,memory.free,memory.total", "--format=csv,noheader"]
    asked = subprocess.run(query, capture_output=True, text=True, check=False, timeout=3)
    if asked.returncode != 0:
        return Finding(grade="WARN", found="nvidia-smi fails; a worker here trains on the CPU", fix="nvidia-smi")
    return Finding(grade="OK", found="; ".join(asked.stdout.strip().splitlines()))


def look_at_disk(folder: Path) -> Finding:
    """How much is free where a worker keeps its scratch space."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(there).free / _GIB
    found = f"{free:.1f} GiB free for {folder}"
    if free >= _TIGHT:
        return Finding(grade="OK", found=found)
    return Finding(
        grade="WARN" if free >= _LEAST else "FAIL", found=found, fix="free some space, or set PHAROS_WORK_DIR"
    )
