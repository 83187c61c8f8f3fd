"""The command ``pharos`` that the set-up leaves behind: it runs in any folder, and imports this checkout alone."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.integration.stack.test_bootstrap import CHECKOUT, bootstrap, empty_checkout, set_up

__all__ = ["bootstrap", "empty_checkout"]

posix = pytest.mark.skipif(sys.platform == "win32", reason="another launcher is left on Windows")

#: Names that the command imports, of the standard library and of its own.
_NAMES = ("argparse", "json", "typing", "pharos", "shared", "edge_worker", "typer")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder whose modules end whatever imports them."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name in _NAMES:
        (folder / f"{name}.py").write_text(f"raise SystemExit('hijacked by {name}')\n")
    return folder


@pytest.fixture(params=["plain", "it's a $HOME"])
def launcher(request: pytest.FixtureRequest, bootstrap: ModuleType, tmp_path: Path) -> Path:
    """The command of this checkout, by this Python, which a folder of that name has."""
    folder = tmp_path / request.param
    folder.mkdir()
    python = Path(sys.executable)
    if request.param != "plain":
        python = folder / "python"
        python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        python.chmod(0o755)
    ((name, text),) = bootstrap.launcher(python, CHECKOUT, windows=False).items()
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)
    return folder / name


@posix
@pytest.mark.parametrize("path", ["", ".", "/nowhere:"])
def test_the_folder_that_it_runs_in_decides_nothing(launcher: Path, hostile: Path, path: str) -> None:
    """Modules of the folder that one stands in are never imported, though a variable of Python's asks for them."""
    done = subprocess.run(
        [launcher, "graph", "."],
        cwd=hostile,
        env={**os.environ, "PYTHONPATH": path, "XDG_CACHE_HOME": str(hostile.parent / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@posix
def test_arguments_arrive_as_they_were_given(launcher: Path, hostile: Path) -> None:
    """Spaces, quotes and dollars in arguments are the command's, not a shell's."""
    done = subprocess.run(
        [launcher, "graph", "a b'c$HOME", "--ref", ""], cwd=hostile, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (4, "pharos: There is no folder a b'c$HOME.\n")


@posix
def test_the_set_up_leaves_it(empty_checkout: Path, hostile: Path) -> None:
    """After the set-up the command is there and runs the code of that checkout; a second set-up mends it."""
    (empty_checkout / "pharos").mkdir()
    (empty_checkout / "pharos" / "__init__.py").touch()
    (empty_checkout / "pharos" / "__main__.py").write_text("def main():\n    print(__file__)\n")
    command = empty_checkout / ".venv" / "bin" / "pharos"

    for _ in range(2):
        set_up(empty_checkout)
        ran = subprocess.run([command], cwd=hostile, capture_output=True, text=True, check=True)
        command.write_text("broken")

        assert ran.stdout.strip() == str(empty_checkout / "pharos" / "__main__.py")


def test_windows_gets_one_too(bootstrap: ModuleType) -> None:
    """On Windows a command file beside the Python runs the same program, isolated, and no path is written into it."""
    files = bootstrap.launcher(Path("python.exe"), Path("C:/über uns"), windows=True)

    assert set(files) == {"pharos.cmd", "pharos-command.py"}
    assert files["pharos.cmd"] == '@"%~dp0python.exe" -I "%~dp0pharos-command.py" %*\n'
    compile(files["pharos-command.py"], "pharos-command.py", "exec")
    assert files["pharos-command.py"].isascii()


def test_what_a_worker_starts_is_of_the_same_checkout(hostile: Path) -> None:
    """A worker that is started from any folder hands its children the way to its own packages, and to no others."""
    program = (
        "import os, subprocess, sys; from pharos.cli.processes import _lead_children_here; _lead_children_here();"
        "subprocess.run([sys.executable, '-c', 'import json, shared; print(shared.__file__)'], check=True)"
    )

    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); {program}"],
        cwd=hostile,
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout.strip(), done.stderr) == (str(CHECKOUT / "shared" / "__init__.py"), "")
