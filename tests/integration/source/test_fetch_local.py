"""Fetching repositories of this machine: what comes in, and what can do no harm."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from git_world import Repo

from edge_worker.handlers.base import Reporter
from edge_worker.source.bare import BareRepository
from edge_worker.source.fetch import FetchLimits, fetch, folder_bytes, resolve_commit
from edge_worker.source.git import Access
from edge_worker.source.walk import select
from shared.errors import Cancelled, JobSignal, Permanent, Snooze

if sys.platform != "win32":
    import resource


@pytest.fixture
def take(repo: Repo, job: Path, limits: FetchLimits, local: Access, reporter: Reporter) -> Iterator[object]:
    """Fetch the repository; what a test changes is given by keyword."""
    opened: list[BareRepository] = []

    def do(ref: str | None = None, **changed: object) -> BareRepository:
        given = {"into": job, "limits": limits, "access": local, "reporter": reporter} | changed
        opened.append(fetch(repo.address, ref=ref, **given))
        return opened[-1]

    yield do
    for repository in opened:
        repository.close()


def sources(repository: BareRepository) -> dict[str, bytes | None]:
    """Return the sources of a fetched commit with their contents."""
    selection = select(repository.entries(), repository.read, border=lambda: None)
    wanted = repository.read(file.oid for file in selection.files if file.parsed)
    return {file.path: next(wanted)[1] if file.parsed else None for file in selection.files}


def refused(reason: str, kind: type[JobSignal] = Permanent) -> pytest.RaisesExc[JobSignal]:
    """Expect a job to end with that reason."""
    return pytest.raises(kind, check=lambda error: error.reason == reason)


def test_the_default_branch_is_fetched_with_all_its_files(repo, take) -> None:
    """Without a ref, the newest commit of the default branch comes in, byte for byte."""
    repo.commit({"old.py": b"old\n"})
    (repo.path / "old.py").unlink()
    head = repo.commit(
        {"a.py": b"import b\r\n", "pkg/b.ts": b"\xef\xbb\xbfexport {}\n", "c.txt": b"c", "empty.py": b""}
    )

    repository = take()

    assert repository.commit == head
    assert {(entry.path, entry.size) for entry in repository.entries()} == {
        ("a.py", 10),
        ("pkg/b.ts", 13),
        ("c.txt", 1),
        ("empty.py", 0),
    }
    assert sources(repository) == {"a.py": b"import b\r\n", "empty.py": b"", "pkg/b.ts": b"\xef\xbb\xbfexport {}\n"}


@pytest.mark.parametrize("ref", ["feature/x", "v1", "v1-light", "old", "COMMIT", None])
def test_a_branch_a_tag_and_a_commit_lead_to_their_commit(repo, take, job, limits, local, reporter, ref) -> None:
    """Every kind of ref is resolved without a fetch, and fetched as that commit."""
    first = repo.commit({"a.py": b"1\n"})
    repo.git("tag", "-a", "-m", "x", "v1")
    repo.git("tag", "v1-light")
    repo.git("branch", "feature/x")
    repo.git("branch", "old")
    second = repo.commit({"a.py": b"2\n"})
    repo.git("tag", "old")  # a branch goes before a tag of the same name
    wanted = first.upper() if ref == "COMMIT" else ref
    expected = second if ref is None else first

    resolved = resolve_commit(repo.address, ref=wanted, into=job, limits=limits, access=local, reporter=reporter)
    repository = take(wanted)

    assert (resolved, repository.commit) == (expected, expected)
    assert sources(repository) == {"a.py": b"1\n" if expected == first else b"2\n"}


@pytest.mark.parametrize("ref", ["absent", "0" * 40, "feature", "--upload-pack=x", "a*", "abc1234"])
def test_a_ref_that_is_not_there_ends_the_job(repo, take, ref) -> None:
    """A missing branch or commit is said plainly, and is not tried again."""
    repo.commit({"a.py": b"1\n"})
    repo.git("branch", "feature/x")

    with refused("ref_not_found"):
        take(ref)


@pytest.mark.parametrize("what", ["HEAD^{tree}", "HEAD:a.py"])
def test_an_object_that_is_no_commit_is_refused(repo, take, what) -> None:
    """The hash of a tree or a file is no ref."""
    repo.commit({"a.py": b"1\n"})

    with refused("ref_not_found"):
        take(repo.git("rev-parse", what))


def test_an_empty_repository_says_so(take) -> None:
    """A repository without a commit has its own reason."""
    with refused("repository_empty"):
        take()


@pytest.mark.parametrize("ref", [None, "main", "0" * 40])
def test_a_folder_without_a_repository_is_not_found(repo, take, ref) -> None:
    """A folder that is no repository is told like one that does not exist."""
    shutil.rmtree(repo.path / ".git")

    with refused("repository_not_found"):
        take(ref)


def test_a_symlink_is_never_followed(repo, take) -> None:
    """A link to a file of the worker is no source and no alias, and its target is never opened."""
    repo.commit({"a.py": b"1\n"})
    (repo.path / "leak.py").symlink_to("/etc/passwd")
    (repo.path / "real.py").symlink_to("a.py")
    repo.commit({})

    repository = take()
    selection = select(repository.entries(), repository.read, border=lambda: None)

    assert sources(repository) == {"a.py": b"1\n"}
    assert selection.aliases == {"real.py": "a.py"}
    assert selection.skipped == {"symlink": 2}


def test_submodules_and_odd_names_are_only_names(repo, take) -> None:
    """A submodule, a newline, bytes that are no UTF-8 and a leading dash act on nothing."""
    blob = repo.git("hash-object", "-w", "--stdin", data=b"x = 1\n")
    names = [b"-rf.py", b"a\nb.py", b"caf\xe9.py", b"\x1b[31m.py"]
    lines = [b"100644 blob " + blob.encode() + b"\t" + name for name in names]
    repo.commit_tree(b"\0".join([*lines, b"160000 commit " + b"1" * 40 + b"\tsub", b""]))

    repository = take()
    selection = select(repository.entries(), repository.read, border=lambda: None)

    assert {os.fsencode(file.path) for file in selection.files} == set(names)
    assert selection.skipped == {"submodule": 1}


def test_a_path_that_climbs_is_refused_by_git(repo, take) -> None:
    """A tree with '..' in it is not taken."""
    blob = repo.git("hash-object", "-w", "--stdin", data=b"x = 1\n")
    raw = b"100644 ..\0" + bytes.fromhex(blob)
    tree = repo.git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", data=raw)
    repo.git("update-ref", "refs/heads/main", repo.git("commit-tree", "-m", "x", tree))

    with refused("repository_malformed"):
        take()


def bomb(repo: Repo, leaf: str) -> None:
    """Commit a tree of ten levels that each hold the next one ten times: 10^10 leaves in a dozen objects."""
    listing = leaf
    for _ in range(10):
        tree = repo.git("mktree", data=listing.encode())
        listing = "".join(f"040000 tree {tree}\td{number}\n" for number in range(10))
    commit = repo.git("commit-tree", "-m", "x", repo.git("mktree", data=listing.encode()))
    repo.git("update-ref", "refs/heads/main", commit)


def test_a_git_bomb_is_refused_at_the_limit_of_files(repo, take) -> None:
    """Ten thousand million files in twelve objects are counted up to the limit and no further."""
    blob = repo.git("hash-object", "-w", "--stdin", data=b"x = 1\n")
    bomb(repo, "".join(f"100644 blob {blob}\tf{number}.py\n" for number in range(10)))
    started = time.monotonic()

    with refused("too_many_files"):
        take()

    assert time.monotonic() - started < 15


def test_folders_without_end_and_without_files_are_refused(repo, take, limits) -> None:
    """A tree that is listed for ever and never names a file ends at the deadline."""
    bomb(repo, "")

    with refused("repository_malformed"):
        take(limits=replace(limits, seconds=2.0))


def test_a_path_as_long_as_a_book_is_refused(repo, take) -> None:
    """Paths are bounded, however deep the folders."""
    listing = f"100644 blob {repo.git('hash-object', '-w', '--stdin', data=b'')}\ta.py\n"
    for _ in range(45):
        listing = f"040000 tree {repo.git('mktree', data=listing.encode())}\t{'d' * 100}\n"
    repo.commit_tree(listing.replace("\n", "\0").encode())

    with refused("repository_malformed"):
        take()


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_a_disk_that_fills_up_on_the_way_is_tried_again(repo, take) -> None:
    """When git cannot write on, although the repository is within the limits, the job may work later."""
    repo.commit({"a.py": os.urandom(900_000)})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
        with refused("disk_full", Snooze):
            take()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_large_file_is_not_fetched_and_never_asked_for_again(repo, take, job) -> None:
    """A blob above the limit stays where it is; one of exactly the limit comes."""
    repo.commit({"big.py": os.urandom(5001), "fits.py": b"#" * 100 + b"\n" * 4900, "a.py": b"1\n"})

    repository = take(limits=FetchLimits(seconds=30, max_bytes=1 << 20, max_files=9, max_file_bytes=5000, free_bytes=1))
    found = sources(repository)

    assert found["big.py"] is None
    assert len(found["fits.py"] or b"") == 5000
    assert folder_bytes(job / "repository" / "objects") < 5000


def test_a_commit_of_too_many_files_is_refused_before_they_come(repo, take, limits, job) -> None:
    """Files are counted by the folders alone: of what they hold nothing is fetched, and the figure is told."""
    repo.commit({f"f{number}.py": os.urandom(100_000) for number in range(11)})

    with refused("too_many_files") as error:
        take(limits=replace(limits, max_files=10))

    assert "more than 10 files" in error.value.message
    assert folder_bytes(job / "repository" / "objects") < 10_000


def test_a_commit_of_as_many_files_as_are_taken_is_read(repo, take, limits) -> None:
    """The limit itself is within the limit."""
    repo.commit({f"f{number}.py": b"x = 1\n" for number in range(10)})

    assert len(sources(take(limits=replace(limits, max_files=10)))) == 10


def test_a_repository_above_the_size_limit_is_refused(repo, take, limits) -> None:
    """The limit is in the message, and nothing is tried again."""
    repo.commit({f"f{number}.py": os.urandom(100_000) for number in range(30)})

    with refused("repository_too_large") as error:
        take(limits=replace(limits, max_bytes=1_000_000))

    assert "1 MB" in error.value.message


def test_a_disk_that_is_nearly_full_is_left_alone(repo, take, limits, job) -> None:
    """Without enough free space nothing is written, and the job waits."""
    repo.commit({"a.py": b"1\n"})

    with refused("disk_full", Snooze):
        take(limits=replace(limits, free_bytes=1 << 60))

    assert not job.exists()


def test_a_cancel_ends_a_fetch(repo, take, job) -> None:
    """A cancel that was asked for is heard at the next tick."""
    repo.commit({"a.py": b"1\n"})

    with pytest.raises(Cancelled):
        take(reporter=Reporter(lambda *_: None, lambda: True))


def test_progress_is_reported_as_bytes_fetched(repo, take) -> None:
    """The stage has the job's word and counts bytes without a known total."""
    said: list[tuple[str, int, int]] = []
    repo.commit({"a.py": b"1\n"})

    take(reporter=Reporter(lambda *step: said.append(step), lambda: False))

    assert said[0] == ("fetch", 0, 0)


def test_a_repository_outside_the_roots_is_refused(repo, take, tmp_path) -> None:
    """The worker's own roots decide, whatever the control plane let through."""
    repo.commit({"a.py": b"1\n"})
    (tmp_path / "other").mkdir()

    with refused("address_refused"):
        take(access=Access(local_roots=(tmp_path / "other",)))


@pytest.mark.parametrize("way", ["root", ".git", "gitdir", "commondir", "objects", "alternates", "HEAD"])
def test_no_link_leads_out_of_the_roots(repo, take, tmp_path, way) -> None:
    """Symlinks, .git files, common folders and alternates are refused when they lead to another repository."""
    repo.commit({"a.py": b"1\n"})
    outside, inside = tmp_path / "outside", repo.path / ".git"
    if way == "root":
        repo.path.rename(outside)
        repo.path.symlink_to(outside)
    elif way in {".git", "gitdir"}:
        inside.rename(outside)
        inside.symlink_to(outside) if way == ".git" else inside.write_text(f"gitdir: {outside}\n")
    elif way == "commondir":
        shutil.copytree(inside, outside)
        (inside / "commondir").write_text("../../../outside\n")
    elif way == "alternates":
        outside.mkdir()
        (inside / "objects" / "info" / "alternates").write_text(f"{outside}\n")
    else:
        (inside / way).rename(outside)
        (inside / way).symlink_to(outside)

    with refused("address_refused"):
        take()


def test_a_linked_work_tree_below_the_roots_is_read(repo, take) -> None:
    """The head of the work tree that was named is fetched, not that of its main repository."""
    repo.commit({"a.py": b"1\n"})
    linked = Repo(repo.path.parent / "linked")
    repo.git("worktree", "add", "--quiet", "-b", "side", str(linked.path))
    side = linked.commit({"b.py": b"2\n"})
    repo.path = linked.path

    assert take().commit == side


def test_the_source_repository_runs_nothing(repo, take, tmp_path) -> None:
    """Hooks, filters and commands in the configuration of a local repository stay text."""
    mark = tmp_path / "ran"
    repo.commit({"a.py": b"1\n", ".gitattributes": b"*.py filter=evil diff=evil\n"})
    hook = repo.path / ".git" / "hooks" / "evil"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f'#!/bin/sh\ntouch {mark}\nexec "$@"\n')
    hook.chmod(0o755)
    for name in ("post-checkout", "reference-transaction", "pre-auto-gc", "post-merge", "fsmonitor-watchman"):
        shutil.copy(hook, hook.parent / name)
    for key in (
        "uploadpack.packObjectsHook",
        "core.fsmonitor",
        "core.sshCommand",
        "core.alternateRefsCommand",
        "core.pager",
        "pager.upload-pack",
        "filter.evil.smudge",
        "diff.evil.textconv",
        "credential.helper",
        "remote.origin.uploadpack",
    ):
        repo.git("config", key, str(hook))
    repo.git("config", "remote.origin.url", f"ext::{hook}")
    repo.git("config", "remote.origin.promisor", "true")

    repository = take()

    assert sources(repository) == {"a.py": b"1\n"}
    assert not mark.exists()


def test_a_partial_clone_does_not_fetch_for_itself(repo, take, tmp_path) -> None:
    """A local repository that lacks an object is refused, and its own way to get it is not run."""
    mark = tmp_path / "ran"
    repo.commit({"a.py": b"1\n"})
    blob = repo.git("rev-parse", "HEAD:a.py")
    (repo.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {mark}\n")
    evil.chmod(0o755)
    repo.git("config", "extensions.partialClone", "origin")
    repo.git("config", "core.repositoryFormatVersion", "1")
    repo.git("config", "remote.origin.url", str(repo.path))
    repo.git("config", "remote.origin.promisor", "true")
    repo.git("config", "remote.origin.uploadpack", str(evil))

    with refused("repository_malformed"):
        take()

    assert not mark.exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_a_folder_of_another_user_is_read(repo, take) -> None:
    """A repository below the roots is trusted for reading by this job alone, whoever owns it."""
    head = repo.commit({"a.py": b"1\n"})
    for top, folders, files in os.walk(repo.path):
        for name in (".", *folders, *files):
            os.chown(Path(top) / name, 12345, 12345, follow_symlinks=False)

    assert take().commit == head


def test_a_name_with_spaces_quotes_and_percent_signs_is_fetched(repo, take) -> None:
    """Odd characters in a local path reach git as they are."""
    head = repo.commit({"a.py": b"1\n"})
    odd = repo.path.parent / "a b%20'\"$(x)é"
    repo.path.rename(odd)
    repo.path = odd

    assert take().commit == head


def test_the_environment_of_the_worker_does_not_reach_git(repo, take, monkeypatch, tmp_path) -> None:
    """Variables that would redirect git, or that hold the worker's secrets, are not handed on."""
    head = repo.commit({"a.py": b"1\n"})
    for name in ("GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_EXEC_PATH"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))

    assert take().commit == head
    assert not (tmp_path / "trace").exists()
    assert not (tmp_path / "elsewhere").exists()


def test_reading_gives_none_for_what_is_not_there(repo, take) -> None:
    """Objects that are missing and objects that are too large are told from empty ones."""
    repo.commit({"a.py": b"1\n", "e.py": b""})
    repository = take()
    known = {entry.path: entry.oid for entry in repository.entries()}

    found = list(repository.read([known["e.py"], "0" * 40, known["a.py"]]))

    assert found == [(known["e.py"], b""), ("0" * 40, None), (known["a.py"], b"1\n")]


def test_single_objects_can_be_looked_up_while_others_are_read(repo, take) -> None:
    """A look-up between two files neither disturbs their order nor starts over, and closing ends both."""
    repo.commit({"a.py": b"1\n", "b.py": b"2\n", "package.json": b"{}"})
    repository = take()
    known = {entry.path: entry.oid for entry in repository.entries()}

    stream = repository.read([known["a.py"], known["b.py"]])
    found = [next(stream)[1], repository.get(known["package.json"]), next(stream)[1], repository.get("0" * 40)]
    repository.close()

    assert found == [b"1\n", b"{}", b"2\n", None]
    assert not [child for child in psutil.Process().children(recursive=True) if "cat-file" in child.cmdline()]


def test_many_objects_are_read_in_order(repo, take) -> None:
    """More objects than fit into a pipe at once come in the order that they were asked for."""
    files = {f"f{number:04}.py": f"x = {number}\n".encode() * 50 for number in range(1500)}
    repo.commit(files)

    assert list(sources(take()).items()) == list(files.items())
