"""A whole stack for each test, and repositories to feed it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from pharos.stack.postgres import EmbeddedPostgres
from pharos.stack.redis import EmbeddedRedis
from tests.acceptance.stack import Stack

Commit = Callable[[Path, Mapping[str, str]], str]


@pytest.fixture
def stack(tmp_path: Path, postgres_server: EmbeddedPostgres, redis_server: EmbeddedRedis) -> Iterator[Stack]:
    """A stack over this session's servers, with nothing started yet."""
    whole = Stack(tmp_path, postgres_server, redis_server.url)
    yield whole
    whole.close()


@pytest.fixture
def commit() -> Commit:
    """Write files into a repository (made at first) and commit them; return the commit."""

    def git(folder: Path, *words: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
        done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def make(folder: Path, files: Mapping[str, str]) -> str:
        if not folder.exists():
            folder.mkdir()
            git(folder, "init", "-q")
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "--allow-empty", "-m", "a commit")
        return git(folder, "rev-parse", "HEAD")

    return make


def package(size: int, *, name: str = "pkg") -> dict[str, str]:
    """Return a package of ``size`` modules, each importing three before it."""
    files = {f"{name}/__init__.py": ""}
    for number in range(size):
        earlier = sorted({(number * 7 + step) % number for step in (1, 3, 5)}) if number else []
        lines = [f"from {name} import m{other}" for other in earlier]
        files[f"{name}/m{number}.py"] = "\n".join([*lines, f"VALUE = {number}", ""])
    return files
