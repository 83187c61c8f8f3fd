"""``pharos graph`` against folders that were made to break it: nothing aborts, and the other files keep their edges."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from git_world import Repo

CHECKOUT = Path(__file__).resolve().parents[3]

GOOD = {
    b"pkg/__init__.py": b"",
    b"pkg/a.py": b"from pkg import b\n",
    b"pkg/b.py": b"import pkg.c\n",
    b"pkg/c.py": b"",
    b"web/x.ts": b"import { y } from './y'\n",
    b"web/y.ts": b"export const y = 1\n",
}
GOOD_EDGES = {("pkg/a.py", "pkg/b.py"), ("pkg/b.py", "pkg/c.py"), ("web/x.ts", "web/y.ts")}

#: Names that break lines, look like options, or are no text; and how they are shown.
ODD_NAMES = {
    b"odd/new\nline.py": r"odd/new\nline.py",
    b"odd/tab\there.py": r"odd/tab\there.py",
    b"odd/not-utf8-\xff\xfe.py": r"odd/not-utf8-\xff\xfe.py",
    b"--all.py": "--all.py",
    b"odd/-rf.py": "odd/-rf.py",
    b'odd/quote".py': 'odd/quote".py',
    b"odd/back\\slash.py": r"odd/back\\slash.py",
    b"odd/\x1b[31mred.py": r"odd/\x1b[31mred.py",
    "odd/naïve-\N{SNOWMAN}.py".encode(): "odd/naïve-\N{SNOWMAN}.py",
}
CONFIGURATIONS = (
    *("package.json", "tsconfig.json", "jsconfig.json", "pnpm-workspace.yaml", "lerna.json", "vite.config.ts"),
    *("pyproject.toml", "setup.cfg", "setup.py", "pytest.ini", "tox.ini", "mypy.ini", "pants.toml", "ruff.toml"),
    *("requirements.txt", "pyrightconfig.json", "go.mod", "go.work", "Cargo.toml", "pom.xml", "build.gradle"),
    *("composer.json", "CMakeLists.txt", "compile_commands.json", "Gemfile", "x.gemspec", ".gitmodules"),
)
DEEP = b"[" * 100_000
GARBAGE = {
    "noise": random.Random(7).randbytes(20_000),
    "nul": b"\0" * 5_000,
    "deep": DEEP,
    "wrong-types": b'{"name": 5, "exports": [[]], "workspaces": {"a": 1}, "compilerOptions": [], "imports": 3, '
    b'"extends": {}, "references": "x", "paths": null, "include": 7, "project": []}',
    "circle": b'{"extends": "./tsconfig.json", "name": "web", "exports": "./package.json", "workspaces": ["..", "."]}',
    "half": b'{"name": "x", "exports": {".": "./',
}


def write(top: Path, files: dict[bytes, bytes]) -> None:
    """Write files by names that may be no text."""
    for name, data in files.items():
        path = top / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def edges(place: Path, *options: str) -> set[tuple[str, str]]:
    """Return the pairs that the command prints, and that it ended well."""
    command = [sys.executable, "-m", "pharos", "graph", str(place), "--format", "json", *options]
    environment = {"PATH": os.environ["PATH"], "HOME": str(place.parent), "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, cwd=place.parent, env=environment, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    return {(row["src"], row["dst"]) for row in map(json.loads, done.stdout.splitlines()) if "src" in row}


def hostile_files() -> dict[bytes, bytes]:
    """Return what no parser likes, each file with a name of its own."""
    brackets = b"(" * 200_000
    return {
        b"huge.min.js": b"var a=1;" * (9 << 17) + b"require('./web/x')",
        b"minified.js": b"var a=1;" * (3 << 17) + b"require('./web/x')",
        b"brackets.py": brackets,
        b"brackets.js": brackets,
        b"brackets.ts": b"<" * 200_000,
        b"brackets.json": DEEP,
        b"noise.py": random.Random(1).randbytes(300_000),
        b"noise.ts": random.Random(2).randbytes(300_000),
        b"nul.py": b"\0" * 10_000,
        b"utf16.py": "import pkg.a\n".encode("utf-16"),
        b"utf16.ts": "import './web/x'\n".encode("utf-16"),
        b"latin1.py": b"# -*- coding: latin-1 -*-\n# caf\xe9\nimport pkg.a\n",
        b"lone-cr.py": b"import os\rimport pkg.a\r",
        b"broken.py": b"import pkg.a\ndef f(:\n",
        b"empty.py": b"",
        b"lfs.py": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    }


HOSTILE_EDGES = {(name, "pkg/a.py") for name in ("utf16.py", "latin1.py", "lone-cr.py", "broken.py")} | {
    ("utf16.ts", "web/x.ts")
}


def links(top: Path) -> None:
    """Make links in circles, upwards, out of the folder, and to themselves."""
    (top / "loop-a").symlink_to("loop-b")
    (top / "loop-b").symlink_to("loop-a")
    (top / "self.py").symlink_to("self.py")
    (top / "pkg" / "up").symlink_to("..")
    (top / "out").symlink_to("/")
    (top / "etc.py").symlink_to("/etc/passwd")
    (top / "above.py").symlink_to("../../secret.py")


@pytest.fixture
def folder(repo: Repo) -> Path:
    """The repository's work tree with the good files in it."""
    write(repo.path, GOOD)
    return repo.path


def both_ways(repo: Repo, tmp_path: Path) -> list[set[tuple[str, str]]]:
    """Return the edges of the work tree, of a bare clone of its commit, and of a folder without git."""
    repo.git("add", "--all")
    repo.git("commit", "--quiet", "--message=x")
    bare, plain = tmp_path / "bare.git", tmp_path / "plain"
    repo.git("clone", "--quiet", "--bare", "--no-local", str(repo.path), str(bare))
    subprocess.run(["cp", "-a", str(repo.path), str(plain)], check=True)
    subprocess.run(["rm", "-r", str(plain / ".git")], check=True)
    return [edges(repo.path), edges(bare), edges(plain)]


def test_no_content_breaks_it(repo: Repo, folder: Path, tmp_path: Path) -> None:
    """Scripts of megabytes, brackets without end, noise and odd encodings cost no other file an edge."""
    write(folder, hostile_files())

    for found in both_ways(repo, tmp_path):
        assert found == GOOD_EDGES | HOSTILE_EDGES


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=list(GARBAGE))
def test_no_configuration_breaks_it(repo: Repo, folder: Path, tmp_path: Path, garbage: bytes) -> None:
    """A configuration that holds garbage counts as absent, at the root and beside the files."""
    for place in (b"", b"web/", b"pkg/"):
        write(folder, {place + name.encode(): garbage for name in CONFIGURATIONS})

    for found in both_ways(repo, tmp_path):
        assert found >= GOOD_EDGES
        assert {edge for edge in found if not edge[0].endswith(CONFIGURATIONS)} == GOOD_EDGES


def test_no_ignore_file_breaks_it(repo: Repo, folder: Path, tmp_path: Path) -> None:
    """Rules that git cannot read either name nothing."""
    write(folder, {b"pkg/.gitignore": GARBAGE["noise"] + b"\n[\n[z-a]\n\\\n***[[:x\n", b"web/.gitignore": b"\0" * 900})

    for found in both_ways(repo, tmp_path):
        assert found == GOOD_EDGES


def test_links_lead_nowhere(repo: Repo, folder: Path, tmp_path: Path) -> None:
    """Links in circles, upwards and out of the folder are neither followed nor read."""
    (tmp_path / "secret.py").write_text("import pkg.a\n")
    links(folder)

    for found in both_ways(repo, tmp_path):
        assert found == GOOD_EDGES


def test_odd_names_come_out_escaped(repo: Repo, folder: Path, tmp_path: Path) -> None:
    """Every name is shown on one line, each in a way of its own, and its imports are found."""
    write(folder, dict.fromkeys(ODD_NAMES, b"import pkg.a\n"))

    for found in both_ways(repo, tmp_path):
        assert found == GOOD_EDGES | {(name, "pkg/a.py") for name in ODD_NAMES.values()}


def test_what_is_no_file_is_never_opened(repo: Repo, folder: Path) -> None:
    """A pipe, a folder or a link in the place of a tracked file, and a folder behind a link, are not waited for."""
    taken = {b"pipe.py": b"import pkg.a\n", b"folder.py": b"", b"link.py": b"", b"sub/inner.py": b"import pkg.a\n"}
    write(folder, taken)
    repo.git("add", "--all")
    repo.git("commit", "--quiet", "--message=x")
    for name in ("pipe.py", "folder.py", "link.py", "sub/inner.py"):
        (folder / name).unlink()
    os.mkfifo(folder / "pipe.py")
    os.mkfifo(folder / "untracked.py")
    (folder / "folder.py").mkdir()
    (folder / "link.py").symlink_to("/etc/passwd")
    (folder / "sub").rmdir()
    elsewhere = folder.parent / "elsewhere"
    write(elsewhere, {b"inner.py": b"import pkg.a\n"})
    (folder / "sub").symlink_to(elsewhere)

    assert edges(folder) == GOOD_EDGES


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may read everything")
def test_what_may_not_be_read_is_told(folder: Path) -> None:
    """A folder without permission is counted on standard error and costs nothing else."""
    write(folder, {b"shut/x.py": b"import pkg.a\n"})
    (folder / "shut").chmod(0)

    try:
        assert edges(folder) == GOOD_EDGES
    finally:
        (folder / "shut").chmod(0o700)


@pytest.mark.parametrize("bare", [False, True], ids=["work-tree", "bare"])
def test_nothing_that_a_repository_names_is_run(repo: Repo, folder: Path, tmp_path: Path, bare: bool) -> None:
    """Filters, hooks and watchers of the folder's own configuration stay untouched."""
    mark = tmp_path / "was-run"
    program = tmp_path / "program.sh"
    program.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    program.chmod(0o755)
    repo.git("add", "--all")
    repo.git("commit", "--quiet", "--message=x")
    write(folder, {b".gitattributes": b"* filter=evil diff=evil\n", b"pkg/c.py": b"changed = 1\n"})
    for hook in ("post-index-change", "reference-transaction", "post-checkout"):
        (folder / ".git" / "hooks").mkdir(exist_ok=True)
        (folder / ".git" / "hooks" / hook).symlink_to(program)
    for name in ("core.fsmonitor", "filter.evil.clean", "filter.evil.process", "filter.evil.smudge", "core.pager"):
        repo.git("config", name, str(program))
    repo.git("config", "extensions.partialClone", "origin")
    repo.git("config", "remote.origin.url", f"ext::{program}")
    repo.git("config", "remote.origin.promisor", "true")
    repo.git("config", "protocol.ext.allow", "always")
    repo.git("-c", "extensions.partialClone=", "status")
    assert mark.exists()  # so does git where it is asked plainly
    mark.unlink()

    found = edges(folder / ".git" if bare else folder)

    assert found == GOOD_EDGES
    assert not mark.exists()


def lying_index(folder: Path, blob: str) -> Path:
    """Make a repository whose index says that ``pkg/a.py`` is a blob of somebody else's."""
    write(folder, {**GOOD, b"pkg/a.py": b"import pkg.c\n"})
    for arguments in (
        ["init", "--quiet"],
        ["add", "--all"],
        ["update-index", "--cacheinfo", f"100644,{blob},pkg/a.py"],
        ["update-index", "--assume-unchanged", "pkg/a.py"],
    ):
        subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
    return folder


def lying_object(folder: Path, bare: Path, blob: str) -> Path:
    """Make a bare repository that holds other contents under the id of somebody else's blob."""
    subprocess.run(["git", "clone", "--quiet", "--bare", "--no-local", str(folder), str(bare)], check=True)
    for pack in (bare / "objects" / "pack").glob("*.pack"):
        moved = pack.rename(bare / "moved.pack")
        pack.with_suffix(".idx").chmod(0o600)
        pack.with_suffix(".idx").unlink()
        with moved.open("rb") as packed:
            subprocess.run(["git", "unpack-objects", "-q"], cwd=bare, stdin=packed, check=True)
    loose = bare / "objects" / blob[:2] / blob[2:]
    loose.chmod(0o600)
    loose.write_bytes(zlib.compress(b"blob 13\0import pkg.c\n"))
    return bare


@pytest.mark.parametrize("kind", ["index", "object"])
def test_what_a_folder_says_its_contents_are_is_not_believed(
    repo: Repo, folder: Path, tmp_path: Path, kind: str
) -> None:
    """A folder that files other contents under the id of somebody's blob changes no edge of theirs."""
    repo.git("add", "--all")
    repo.git("commit", "--quiet", "--message=x")
    blob = repo.git("rev-parse", "HEAD:pkg/a.py")
    evil = folder.parent / "evil"
    place = lying_index(evil, blob) if kind == "index" else lying_object(folder, evil, blob)

    found = edges(place)

    assert ("pkg/a.py", "pkg/c.py") in found
    assert edges(folder) == GOOD_EDGES
    assert edges(place) == found


def test_contents_that_changed_unseen_are_read_anew(repo: Repo, folder: Path) -> None:
    """A file that git was told to assume unchanged counts as it lies on disk, and leaves no trace at its blob."""
    repo.git("add", "--all")
    repo.git("commit", "--quiet", "--message=x")
    repo.git("update-index", "--assume-unchanged", "pkg/a.py")
    changed = GOOD_EDGES - {("pkg/a.py", "pkg/b.py")} | {("pkg/a.py", "pkg/c.py")}
    assert edges(folder) == GOOD_EDGES
    write(folder, {b"pkg/a.py": b"import pkg.c\n"})

    assert edges(folder) == changed
    assert edges(folder, "--ref", "HEAD") == GOOD_EDGES
