"""The set-up finds a Python that runs, says which torch it takes, and repairs what was interrupted."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]

posix = pytest.mark.skipif(sys.platform == "win32" or shutil.which("make") is None, reason="needs make")


@pytest.fixture(scope="session")
def bootstrap() -> ModuleType:
    """The module; it lies beside the packages, in none of them."""
    spec = importlib.util.spec_from_file_location("bootstrap", CHECKOUT / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("platform", "gpu", "known", "answers", "from_cpu_index", "said"),
    [
        ("linux", True, True, True, False, "has an NVIDIA GPU"),
        ("win32", True, False, True, False, "has an NVIDIA GPU"),
        ("darwin", False, False, True, False, "the CPU build on this system"),
        ("win32", False, False, True, False, "the CPU build on this system"),
        ("linux", False, True, True, False, "that pip finds by its own configuration"),
        ("linux", False, True, False, False, "that pip finds by its own configuration"),
        ("linux", False, False, True, True, "from https://download.pytorch.org/whl/cpu"),
        ("linux", False, False, False, False, "did not answer within 2 s"),
    ],
)
def test_the_choice_of_torch(
    bootstrap: ModuleType, platform: str, gpu: bool, known: bool, answers: bool, from_cpu_index: bool, said: str
) -> None:
    """PyTorch's CPU index is asked only where the default would bring CUDA to a machine without a GPU."""
    chosen, line = bootstrap.choose_torch(
        platform, gpu=lambda: gpu, knows_cpu_build=lambda: known, index_answers=lambda: answers
    )

    assert chosen is from_cpu_index
    assert said in line


@pytest.mark.parametrize("version", [(3, 10), (3, 15), (2, 7)])
def test_an_unfit_python_is_named_with_a_remedy(bootstrap: ModuleType, version: tuple[int, int]) -> None:
    """A Python that is too old or too new is refused with the command that brings one that fits."""
    with pytest.raises(bootstrap.Stop, match=r"Python 3\.11 to 3\.14 is needed, this is .* (apt|brew|winget) install"):
        bootstrap.require_python(version)


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13), (3, 14)])
def test_a_fit_python_is_taken(bootstrap: ModuleType, version: tuple[int, int]) -> None:
    """Every Python from 3.11 to 3.14 is accepted."""
    bootstrap.require_python(version)


def test_a_missing_git_is_named_with_its_package(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git on the PATH the set-up stops and names the package."""
    monkeypatch.setenv("PATH", "")

    with pytest.raises(bootstrap.Stop, match=r"git is not installed.*git"):
        bootstrap.require_pieces()


@pytest.mark.parametrize(
    ("platform", "said"), [("linux", "apt install"), ("darwin", "brew install"), ("win32", "winget install")]
)
@pytest.mark.parametrize("piece", ["python", "venv", "git"])
def test_each_remedy_is_the_platforms_own(bootstrap: ModuleType, piece: str, platform: str, said: str) -> None:
    """A missing piece is named with the package manager of the platform."""
    assert said in bootstrap.remedy(piece, platform)


def test_the_pin_of_torch_is_found(bootstrap: ModuleType) -> None:
    """The version of torch that is asked for is the one that the workers' requirements pin."""
    pin = bootstrap.torch_pin(CHECKOUT / "requirements-edge.txt")

    assert f"torch=={pin}\n" in (CHECKOUT / "requirements-edge.txt").read_text()


def shim(folder: Path, name: str, body: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)


@posix
@pytest.mark.parametrize(
    ("programs", "taken"),
    [
        ({"python3.14": "exit 127", "python3.12": "works"}, "python3.12"),
        ({"python3.13": "works", "python3.12": "works"}, "python3.13"),
        ({"python3": "exit 1", "python": "works"}, "python"),
        ({"python3.13": "no venv", "python3.12": "works"}, "python3.12"),
        ({"python3.13": "no venv"}, "python3.13"),
    ],
)
def test_make_takes_the_first_python_that_runs(tmp_path: Path, programs: dict[str, str], taken: str) -> None:
    """A name on the PATH counts only if it runs; one without venv comes last."""
    works = f'exec "{sys.executable}" "$@"'
    no_venv = f'case "$2" in *ensurepip*) exit 1;; esac; {works}'
    for name, body in programs.items():
        shim(tmp_path, name, {"works": works, "no venv": no_venv}.get(body, body))
    (tmp_path / "sh").symlink_to("/bin/sh")

    shown = subprocess.run(
        [shutil.which("make") or "make", "-n", "bootstrap-demo"],
        cwd=CHECKOUT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert shown.stdout.strip() == f"{taken} bootstrap.py --for demo"


@posix
def test_without_a_python_make_says_what_to_install(tmp_path: Path) -> None:
    """No Python that fits: make stops with the package that brings one."""
    shim(tmp_path, "python3.12", "exit 127")

    shown = subprocess.run(
        [shutil.which("make") or "make", "-n", "demo"],
        cwd=CHECKOUT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert shown.returncode != 0
    assert "apt install python3 python3-venv" in shown.stderr


@posix
def test_a_repository_reaches_the_demo_as_one_word() -> None:
    """Whatever stands in REPO is one argument, never a piece of shell."""
    outside_make = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}

    shown = subprocess.run(
        [shutil.which("make") or "make", "-n", "demo", "REPO=it's here; touch x"],
        cwd=CHECKOUT,
        env=outside_make,
        capture_output=True,
        text=True,
        check=True,
    )

    assert shown.stdout.splitlines()[-1] == r".venv/bin/python -m pharos demo 'it'\''s here; touch x'"


@pytest.fixture
def empty_checkout(tmp_path: Path) -> Path:
    """A checkout that needs no package at all, so that nothing is fetched."""
    shutil.copy(CHECKOUT / "bootstrap.py", tmp_path)
    (tmp_path / "requirements-dev.txt").write_text("# nothing\n")
    (tmp_path / "requirements-edge.txt").write_text("torch==0.0.1\n")
    return tmp_path


def set_up(checkout: Path) -> str:
    done = subprocess.run(
        [sys.executable, "bootstrap.py", "--for", "test"], cwd=checkout, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_set_up_repairs_what_was_interrupted(empty_checkout: Path) -> None:
    """A first run installs, a second finds nothing to do, and one after an interrupted run begins anew."""
    first = set_up(empty_checkout)
    second = set_up(empty_checkout)
    (empty_checkout / ".venv" / "half-written").touch()
    (empty_checkout / ".venv" / "pharos-installing").touch()
    third = set_up(empty_checkout)

    assert "torch: " in first
    assert second == ""
    assert "making .venv" in third
    assert not (empty_checkout / ".venv" / "half-written").exists()


def test_a_failing_pip_is_quoted(empty_checkout: Path) -> None:
    """When pip fails, its last lines are shown, and the next run begins anew."""
    (empty_checkout / "requirements-dev.txt").write_text("/nonexistent/package.whl\n")

    failed = subprocess.run(
        [sys.executable, "bootstrap.py"], cwd=empty_checkout, capture_output=True, text=True, check=False
    )

    assert failed.returncode == 1
    assert "/nonexistent/package.whl" in failed.stderr
    assert (empty_checkout / ".venv" / "pharos-installing").exists()
