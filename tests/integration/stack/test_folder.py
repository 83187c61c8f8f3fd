"""A stack's data folder belongs to one running stack, and keeps its secrets to itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pharos.stack.folder import Instance
from pharos.stack.private import is_root

Parent = Callable[[str], "subprocess.Popen[str]"]

CLAIM = """
from pathlib import Path; from pharos.stack.folder import Instance

instance = Instance.claim(Path({base!r})); print(instance.folder.name, flush=True); input()
"""


def test_stacks_side_by_side_get_folders_of_their_own(folder: Path, parent: Parent) -> None:
    """Each further stack takes the next free folder."""
    first = parent(CLAIM.format(base=str(folder / "data")))
    assert first.stdout is not None
    taken = first.stdout.readline().strip()

    with Instance.claim(folder / "data") as second, Instance.claim(folder / "data") as third:
        names = [taken, second.folder.name, third.folder.name]

    assert names == ["data", "data-2", "data-3"]


def test_a_killed_stack_frees_its_folder(folder: Path, parent: Parent) -> None:
    """After SIGKILL of its holder, a folder is claimed again at once."""
    holder = parent(CLAIM.format(base=str(folder / "data")))
    assert holder.stdout is not None
    holder.stdout.readline()
    holder.kill()
    holder.wait()

    with Instance.claim(folder / "data") as instance:
        name = instance.folder.name

    assert name == "data"


def test_secrets_are_stable_and_distinct(folder: Path) -> None:
    """A stack's secrets are the same after a restart, no two are alike, and they are not shown by accident."""
    with Instance.claim(folder / "data") as instance:
        first = instance.secrets

    with Instance.claim(folder / "data") as instance:
        second = instance.secrets

    kept = {first.admin_token, first.worker_token, first.app_password, first.keeper_password}
    assert first == second
    assert len(kept) == 4
    assert not any(secret in repr(first) for secret in kept)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX modes")
def test_the_folder_is_private(folder: Path) -> None:
    """No other user can list the folder or read the secrets; only root's may be passed through."""
    with Instance.claim(folder / "data") as instance:
        mode = instance.folder.stat().st_mode & 0o777
        files = {path.stat().st_mode & 0o777 for path in instance.folder.iterdir()}

    assert mode == (0o711 if is_root() else 0o700)
    assert files == {0o600}
