"""``pharos graph`` where something cannot be read or written: it says so in one line, and does the rest."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.test_graph_command import CHECKOUT, PAIRS, Command, command, committed, folder, git, pairs

__all__ = ["command", "folder"]


def humble() -> None:
    """Let a child that root starts be refused what its owner is refused."""
    if sys.platform == "linux":
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH (capabilities(7))
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


@pytest.fixture
def shut(folder: Path) -> Iterator[Path]:
    """The folder with a file of 5 MB, and things in it that nobody may read; tracked ones among them in a work tree."""
    (folder / "large.py").write_text("\n" * 5_000_000)
    for name in ("shut/x.py", "tracked/y.py", "tracked/z.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("import pkg.c\n")
    names = ["shut", "tracked", "pkg/c.py"]
    git(folder, "init", "--quiet")
    git(folder, "add", "tracked", "pkg", "web")
    for name in names:
        (folder / name).chmod(0)
    yield folder
    for name in names:
        (folder / name).chmod(0o700)


@pytest.mark.skipif(os.name != "posix", reason="permissions are other ones")
@pytest.mark.parametrize("in_git", [True, False], ids=["work-tree", "plain"])
def test_what_was_not_read_is_told(shut: Path, tmp_path: Path, in_git: bool) -> None:
    """What may not be read or is too large is told in one line, and by the last object of JSON."""
    if not in_git:
        shutil.rmtree(shut / ".git")

    done = subprocess.run(
        [sys.executable, "-m", "pharos", "graph", str(shut), "--json"],
        cwd=CHECKOUT,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        preexec_fn=humble,
        capture_output=True,
        text=True,
        check=False,
    )

    *rows, last = map(json.loads, done.stdout.splitlines())
    assert done.returncode == 0
    assert [(row["src"], row["dst"]) for row in rows] == PAIRS
    below = ["tracked/y.py", "tracked/z.py"] if in_git else []
    assert last == {"unread": ["pkg/c.py", "shut", "tracked", *below], "too_large": ["large.py"], "too_long": 0}
    assert done.stderr.startswith(
        f"pharos: files or folders without edges here: {len(last['unread'])} could not be read"
    )
    assert done.stderr.endswith(", 1 too large: pkg/c.py, shut, tracked …\n")


def test_what_is_above_the_limits_is_told(command: Command, folder: Path) -> None:
    """Also of a commit, and in each form: too large a file, and a file whose path is too long to be kept."""
    (folder / "large.py").write_text("\n" * 5_000_000)
    deep = folder.joinpath(*["d" * 200] * 6)
    deep.mkdir(parents=True)
    (deep / "x.py").write_text("import pkg.a\n")
    git(folder, "init", "--quiet")
    git(folder, "add", "large.py", "pkg", "web")
    git(folder, "commit", "--quiet", "--message=x")
    said = "pharos: files or folders without edges here: 1 too large, 1 with too long a path: large.py\n"

    assert command(str(folder))[::2] == (0, said)
    assert command(str(folder), "--ref", "HEAD")[2] == said.replace(", 1 with too long a path", "")
    assert json.loads(command(str(folder), "--unresolved", "--json")[1].splitlines()[-1])["too_large"] == ["large.py"]


@pytest.mark.parametrize("where", ["", "shut"])
@pytest.mark.skipif(os.name != "posix", reason="permissions are other ones")
def test_a_folder_that_may_not_be_read_is_refused(folder: Path, where: str) -> None:
    """A folder that nobody may look into ends with one line and exit code 1, and so does what lies in it."""
    (folder / "shut").mkdir()
    folder.chmod(0)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pharos", "graph", str(folder / where)],
            cwd=CHECKOUT,
            preexec_fn=humble,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        folder.chmod(0o700)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "cannot be read: Permission denied. Nothing was printed." in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
@pytest.mark.parametrize("arguments", [["graph", "."], ["graph", "--help"], ["--help"], ["jobs", "--help"]])
def test_a_full_disk_is_told(folder: Path, arguments: list[str]) -> None:
    """Output that cannot be written ends with one line that says so, and exit code 1."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "pharos", *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT), "XDG_CACHE_HOME": str(folder.parent / "cache")},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr.startswith("pharos: No more could be written (No space left on device).")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="a limit stands for a full disk")
def test_a_cache_without_room_costs_nothing_else(folder: Path, tmp_path: Path) -> None:
    """Where the cache cannot grow, the answer is whole, and one line says that it will be as slow again."""
    committed(folder)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000)); "

    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{limit} from pharos.__main__ import main; main()",
            "graph",
            str(folder),
            "--ref",
            "HEAD",
        ],
        cwd=CHECKOUT,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, pairs(done.stdout)) == (0, PAIRS)
    assert done.stderr.startswith("pharos: The cache ")
    assert done.stderr.count("\n") == 1
