"""Set up ``.venv`` for Pharos with any Python from 3.11 to 3.14; standard library only.

``make`` runs this by itself. Without make:

    python3 bootstrap.py                          (Windows: py bootstrap.py)
    .venv/bin/pharos demo                         (Windows: .venv\\Scripts\\pharos demo)

It may be run again at any time: it installs when the requirements or the Python changed, and makes ``.venv`` anew when
an earlier run was interrupted. The command ``pharos`` that it leaves there works from any folder.
"""
# ruff: noqa: T201  # a program for the terminal: what it prints is its interface

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")

#: Stands while an install is under way: found at the start, the last install was interrupted.
UNDER_WAY = VENV / "pharos-installing"
#: What is installed; written last.
STAMP = VENV / "pharos-installed"

REQUIREMENTS = ROOT / "requirements-dev.txt"
PACKAGES = ("shared", "cloud_api", "edge_worker", "pharos")
OLDEST, NEWEST = (3, 11), (3, 14)

#: What the command runs: this checkout's own packages, before anything that is installed.
PROGRAM = """\
import sys
sys.path.insert(0, {root})
from pharos.__main__ import main
main()
"""
#: A shebang longer than this is cut off by some systems; one with a space in it is divided.
SHORT, PLAIN = 127, re.compile(r"[\w./+@~-]+", re.ASCII)

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
#: Seconds that PyTorch's CPU index has for an answer.
PATIENCE = 2.0

#: Missing piece -> how Debian/Ubuntu, macOS and Windows bring it.
REMEDIES = {
    "python": ("apt install python3 python3-venv", "brew install python@3.13", "winget install Python.Python.3.13"),
    "venv": ("apt install python{version}-venv", "brew install python@{version}", "winget install Python.Python.3.13"),
    "git": ("apt install git", "brew install git", "winget install Git.Git"),
    "make": ("apt install make", "xcode-select --install", "winget install GnuWin32.Make"),
}


class Stop(Exception):
    """The set-up cannot go on; the message is for the person at the keyboard."""


def main() -> int:
    """Set up, or find that all is set up; return the exit code."""
    parser = argparse.ArgumentParser(description="Set up .venv for Pharos.")
    parser.add_argument("--for", dest="purpose", choices=("demo", "up", "test", "check"), help="what runs next")
    purpose = parser.parse_args().purpose
    try:
        require_python(sys.version_info[:2])
        require_pieces()
        with alone():
            set_up()
    except Stop as stop:
        print(f"pharos: {stop}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("pharos: interrupted; run it again to finish the set-up", file=sys.stderr)
        return 130
    if purpose is None:
        print_next()
    return 0


def require_python(version: tuple[int, ...]) -> None:
    """Raise Stop unless this Python is one that Pharos runs on."""
    if not OLDEST <= version <= NEWEST:
        raise Stop(
            f"Python {dotted(OLDEST)} to {dotted(NEWEST)} is needed, this is {dotted(version)}. "
            + remedy("python", sys.platform)
        )


def require_pieces() -> None:
    """Raise Stop, naming the package that brings it, when venv or git is missing."""
    if not all(importlib.util.find_spec(module) for module in ("venv", "ensurepip")):
        raise Stop(f"{sys.executable} comes without venv. " + remedy("venv", sys.platform))
    if shutil.which("git") is None:
        raise Stop("git is not installed. " + remedy("git", sys.platform))


def remedy(piece: str, platform: str) -> str:
    """Return the one command that brings a missing piece on this platform."""
    debian, macos, windows = REMEDIES[piece]
    command = {"darwin": macos, "win32": windows}.get(platform, debian)
    return f"Bring it with: {command.format(version=dotted(sys.version_info[:2]))}"


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Let one set-up of this checkout run at a time; a second one waits."""
    if os.name == "nt":
        yield
        return
    import fcntl

    with REQUIREMENTS.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def set_up() -> None:
    """Make ``.venv`` hold what the requirement files name."""
    version = None if UNDER_WAY.exists() else venv_version()
    if version is None:
        print(f"pharos: making .venv with Python {dotted(sys.version_info[:3])}", flush=True)
        make_venv()
        version = venv_version()
    if version is None:
        raise Stop(f"{PYTHON} does not run. Remove {VENV} and try again.")
    wanted = fingerprint(version)
    if not STAMP.exists() or STAMP.read_text(encoding="utf-8") != wanted:
        install()
        STAMP.write_text(wanted, encoding="utf-8")
        UNDER_WAY.unlink()
    leave_command()
    compile_bytecode()


def venv_version() -> str | None:
    """Return the version of the Python in ``.venv``, or None where it is absent, broken or not one of ours."""
    if not PYTHON.exists():
        return None
    program = "import pip, sys; print('.'.join(map(str, sys.version_info[:3])))"
    found = subprocess.run([str(PYTHON), "-c", program], capture_output=True, text=True, check=False)
    version = found.stdout.strip()
    fits = found.returncode == 0 and OLDEST <= tuple(map(int, version.split(".")[:2])) <= NEWEST
    return version if fits else None


def make_venv() -> None:
    """Create ``.venv`` from nothing with this Python."""
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        raise Stop(f"no .venv could be made.\n{last_lines(made.stdout + made.stderr)}\n{remedy('venv', sys.platform)}")


def fingerprint(version: str) -> str:
    """Return what the installed packages depend on: the requirement files and the Python."""
    digest = hashlib.sha256(version.encode())
    for file in sorted(ROOT.glob("requirements-*.txt")):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def install() -> None:
    """Install everything, with a CPU build of torch where there is no NVIDIA GPU."""
    began = time.monotonic()
    UNDER_WAY.touch()
    STAMP.unlink(missing_ok=True)
    pin = torch_pin(ROOT / "requirements-edge.txt")
    from_cpu_index, why = choose_torch(
        sys.platform, gpu=has_gpu, knows_cpu_build=lambda: knows_cpu_build(pin), index_answers=cpu_index_answers
    )
    print(f"pharos: {why}", flush=True)
    print("pharos: installing packages into .venv (minutes, the first time)", flush=True)
    if from_cpu_index:
        # By itself and without dependencies: that index is trusted for torch and for nothing else.
        pip("install", "--no-deps", "--index-url", CPU_INDEX, f"torch=={pin}")
    pip("install", "-r", str(REQUIREMENTS))
    print(f"pharos: installed in {time.monotonic() - began:.0f} s", flush=True)


def choose_torch(
    platform: str, *, gpu: Callable[[], bool], knows_cpu_build: Callable[[], bool], index_answers: Callable[[], bool]
) -> tuple[bool, str]:
    """Return whether torch comes from PyTorch's CPU index, and the line that says which build is taken and why.

    The questions are asked in this order, and only as far as needed.
    """
    if gpu():
        return False, "torch: the default build, because this machine has an NVIDIA GPU"
    if not platform.startswith("linux"):
        return False, "torch: the default build, which is the CPU build on this system"
    if knows_cpu_build():
        return False, "torch: the CPU build that pip finds by its own configuration; there is no NVIDIA GPU here"
    if index_answers():
        return True, f"torch: the CPU build from {CPU_INDEX}; there is no NVIDIA GPU here"
    return (
        False,
        f"torch: the default build (large, with CUDA), because {CPU_INDEX} did not answer within {PATIENCE:g} s",
    )


def torch_pin(requirements: Path) -> str:
    """Return the version of torch that the requirement file pins."""
    found = re.search(r"^torch==([0-9.]+)", requirements.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise Stop(f"{requirements.name} does not pin torch")
    return found[1]


def has_gpu() -> bool:
    """Return whether an NVIDIA driver with a GPU is here."""
    if Path("/proc/driver/nvidia/version").exists():
        return True
    program = shutil.which("nvidia-smi")
    if program is None:
        return False
    try:
        listed = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return listed.returncode == 0 and "GPU" in listed.stdout


def knows_cpu_build(pin: str) -> bool:
    """Return whether pip, as this machine configures it, offers a CPU build of this torch for this Python."""
    asked = subprocess.run(
        [str(PYTHON), "-m", "pip", "index", "versions", "torch", "--disable-pip-version-check"],
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.returncode == 0 and f"{pin}+cpu" in re.split(r"[\s,()]+", asked.stdout)


def cpu_index_answers() -> bool:
    """Return whether PyTorch's CPU index answers in time; looking up its name counts, too."""
    answers = []

    def ask() -> None:
        page = f"{CPU_INDEX}/torch/"
        with contextlib.suppress(OSError), urllib.request.urlopen(page, timeout=PATIENCE) as answer:  # noqa: S310  # https
            answers.append(answer.status == 200)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE)
    return answers == [True]


def pip(*arguments: str) -> None:
    """Run pip in ``.venv``; its output goes to ``.venv/pip.log``, and its end is shown when it fails."""
    log = VENV / "pip.log"
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", *arguments]
    with log.open("a", encoding="utf-8") as output:
        ended = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT, check=False)
    if ended.returncode != 0:
        text = log.read_text(encoding="utf-8", errors="replace")
        raise Stop(f"pip could not install the packages. It said:\n{last_lines(text)}\nThe whole log: {log}")


def compile_bytecode() -> None:
    """Compile our own packages, so that the first start is as fast as the second."""
    folders = [str(ROOT / package) for package in PACKAGES if (ROOT / package).is_dir()]
    subprocess.run([str(PYTHON), "-m", "compileall", "-q", *folders], cwd=ROOT, check=False, capture_output=True)


def leave_command() -> None:
    """Leave the command ``pharos`` beside the Python of ``.venv``."""
    for name, text in launcher(PYTHON, ROOT, windows=os.name == "nt").items():
        file = BIN / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            file.chmod(0o755)


def launcher(python: Path, root: Path, *, windows: bool) -> dict[str, str]:
    """Return the files of a ``pharos`` that works from any folder, by name; they lie beside ``python``.

    Nothing of the folder that it runs in, and no variable of Python's, decides what is imported (``-I``): that folder
    may be anybody's. A package manager's script would not do that, and has to be installed.
    """
    program = PROGRAM.format(root=ascii(str(root)))
    if windows:
        return {
            "pharos.cmd": f'@"%~dp0{python.name}" -I "%~dp0pharos-command.py" %*\n',
            "pharos-command.py": program,
        }
    shebang = f"#!{python} -I\n"
    if len(shebang) <= SHORT and PLAIN.fullmatch(str(python)):
        return {"pharos": shebang + program}
    return {"pharos": f'#!/bin/sh\nexec {shlex.quote(str(python))} -I -c {shlex.quote(program)} "$@"\n'}


def print_next() -> None:
    """Name the commands that can be run now."""
    command, python = BIN.relative_to(ROOT) / "pharos", PYTHON.relative_to(ROOT)
    print(f"pharos: ready. Next: {command} demo   (or: up; from any folder; the tests: {python} -m pytest)")
    if shutil.which("make") is None:
        print(f"pharos: 'make demo' and the like need make. {remedy('make', sys.platform)}")


def last_lines(text: str, count: int = 12) -> str:
    """Return the last lines of a program's output, indented."""
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-count:])


def dotted(version: tuple[int, ...]) -> str:
    """Return a version as people write it."""
    return ".".join(map(str, version))


if __name__ == "__main__":
    sys.exit(main())
