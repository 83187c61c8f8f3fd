"""A folder as it lies on disk: what is listed, and what is read."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from edge_worker.source.listing import WorkTree
from edge_worker.source.shadow import GitPlace, cast_shadow, find_repository
from edge_worker.source.walk import Selection


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder."""
    made = tmp_path / "folder"
    made.mkdir()
    return made


@pytest.fixture
def repository(folder: Path) -> Path:
    """A repository without a commit."""
    git(folder, "init", "--quiet", "--initial-branch=main")
    return folder


def git(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> str:
    """Run git in a folder and return what it wrote."""
    who = ("-c", "user.name=x", "-c", "user.email=x@y.z", "-c", "protocol.file.allow=always")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True, env=environment
    )
    return done.stdout.strip()


def write(folder: Path, **files: str) -> None:
    """Write files; ``__`` in a name stands for ``/``, and each gets the suffix ``.py``."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def commit(folder: Path) -> None:
    """Commit everything, long enough ago that git trusts the files' times."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=x")
    for path in folder.rglob("*.py"):
        os.utime(path, (1_000_000_000, 1_000_000_000), follow_symlinks=False)
    git(folder, "update-index", "--refresh")


def chosen(tree: WorkTree, folder: Path, scratch: Path) -> Selection:
    """Return what a listing of the folder comes to."""
    place = find_repository(folder)
    if place is not None:
        cast_shadow(place, scratch / "shadow")
    return tree.select(tree.listing(place, scratch / "shadow"))


def listed(folder: Path, scratch: Path) -> set[str]:
    """Return the paths of the sources."""
    found = chosen(WorkTree(folder, max_file_bytes=1000), folder, scratch)
    shutil.rmtree(scratch / "shadow", ignore_errors=True)
    return {file.path for file in found.files}


def test_a_work_tree_is_what_is_tracked_and_what_is_not_ignored(repository: Path, tmp_path: Path) -> None:
    """Tracked, staged and untracked files are there; ignored, deleted and installed ones are not."""
    write(repository, tracked="", gone="", forced="", node_modules__tracked="")
    (repository / ".gitignore").write_text("ignored*\n")
    (repository / ".git" / "info").mkdir(exist_ok=True)
    (repository / ".git" / "info" / "exclude").write_text("private.py\n")
    commit(repository)
    write(repository, staged="", untracked="", ignored="", private="", node_modules__untracked="", sub__deep="")
    git(repository, "add", "staged.py")
    (repository / "gone.py").unlink()

    assert listed(repository, tmp_path) == {"tracked.py", "staged.py", "untracked.py", "forced.py", "sub/deep.py"}


def test_what_is_tracked_although_ignored_is_left_out(repository: Path, tmp_path: Path) -> None:
    """A build output that was added by force is no source, as in a fetched commit."""
    write(repository, kept="", output="")
    (repository / ".gitignore").write_text("output.py\n")
    git(repository, "add", "--force", "output.py")
    commit(repository)

    found = chosen(WorkTree(repository, max_file_bytes=1000), repository, tmp_path)

    assert [file.path for file in found.files] == ["kept.py"]
    assert found.skipped == {"ignored": 1, "other_language": 1}


def test_a_folder_without_git_is_walked(folder: Path, tmp_path: Path) -> None:
    """Without a repository every file counts but those in folders of installed things and those that are ignored."""
    write(folder, a="", sub__b="", node_modules__c="", sub__venv__d="", skipped="")
    (folder / ".gitignore").write_text("skipped.py\n")

    assert listed(folder, tmp_path) == {"a.py", "sub/b.py"}


@pytest.mark.parametrize("pipe", [False, True], ids=["damaged", "pipe"])
def test_an_index_that_git_cannot_read_is_no_end(repository: Path, tmp_path: Path, pipe: bool) -> None:
    """A damaged repository is read as a plain folder."""
    write(repository, a="")
    commit(repository)
    index = repository / ".git" / "index"
    index.write_bytes(b"DIRC" + b"\xff" * 100)
    if pipe:
        index.unlink()
        os.mkfifo(index)

    assert listed(repository, tmp_path) == {"a.py"}


def test_no_git_at_all_is_no_end(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where git is not installed, a work tree is read as a plain folder."""
    write(repository, a="")
    commit(repository)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert listed(repository, tmp_path) == {"a.py"}


def test_a_conflict_is_one_file(repository: Path, tmp_path: Path) -> None:
    """A file in conflict is listed once, as it lies there with its marks."""
    write(repository, a="x = 1\n")
    commit(repository)
    git(repository, "checkout", "--quiet", "-b", "other")
    write(repository, a="x = 2\n")
    commit(repository)
    git(repository, "checkout", "--quiet", "main")
    write(repository, a="x = 3\n")
    commit(repository)
    with pytest.raises(subprocess.CalledProcessError):
        git(repository, "merge", "other")

    tree = WorkTree(repository, max_file_bytes=1000)
    found = chosen(tree, repository, tmp_path)

    assert [file.path for file in found.files] == ["a.py"]
    assert (tree.get("a.py") or b"").startswith(b"<<<<<<<")


def test_a_linked_work_tree_shows_its_own_files(repository: Path, tmp_path: Path) -> None:
    """A second work tree of a repository has an index of its own, and the objects of the first."""
    write(repository, a="")
    commit(repository)
    other = tmp_path / "other"
    git(repository, "worktree", "add", "--quiet", str(other), "-b", "two")
    write(other, b="")

    place = find_repository(other)

    assert place == GitPlace(own=repository / ".git" / "worktrees" / "other", common=place.common, top=other)  # type: ignore[union-attr]
    assert place.common.resolve() == repository / ".git"  # type: ignore[union-attr]
    assert listed(other, tmp_path) == {"a.py", "b.py"}


def test_another_repository_inside_is_not_looked_into(repository: Path, tmp_path: Path) -> None:
    """Submodules and clones that lie inside belong to nobody here."""
    write(repository, a="")
    (repository / "clone").mkdir()
    git(repository / "clone", "init", "--quiet")
    write(repository, clone__b="")
    commit(repository / "clone")
    git(repository, "add", "a.py")

    assert listed(repository, tmp_path) == {"a.py"}


def test_a_sha256_repository_is_listed(folder: Path, tmp_path: Path) -> None:
    """Longer names of objects make no difference."""
    git(folder, "init", "--quiet", "--object-format=sha256")
    write(folder, a="")
    commit(folder)
    (folder / ".gitignore").write_text("b.py\n")
    write(folder, b="")

    assert listed(folder, tmp_path) == {"a.py"}


def test_variables_of_a_hook_lead_nowhere(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing within a git hook, where git's own variables point elsewhere, is that of the folder asked for."""
    write(repository, a="")
    commit(repository)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))

    assert listed(repository, tmp_path) == {"a.py"}


@pytest.fixture
def strange(folder: Path) -> WorkTree:
    """A folder with a file, one that is too large, a pipe, and links within and out of it."""
    write(folder, a="1", large="x" * 1001)
    os.mkfifo(folder / "pipe.py")
    (folder / "link.py").symlink_to("a.py")
    (folder / "out").symlink_to("/etc")
    return WorkTree(folder, max_file_bytes=1000)


def test_only_files_are_read(strange: WorkTree, folder: Path, tmp_path: Path) -> None:
    """A link is its target, and nothing is read through one; what is no file, too large or gone has no contents."""
    found = chosen(strange, folder, tmp_path)

    assert set(found.index) == {"a.py", "large.py"}
    assert found.aliases == {"link.py": "a.py"}
    names = ["a.py", "large.py", "pipe.py", "link.py", "out/hostname", "gone.py"]
    assert [data for _, data in strange.read(names)] == [b"1", None, None, b"a.py", None, None]
    assert strange.unread == ["pipe.py", "gone.py"]
