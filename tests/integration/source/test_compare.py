"""Comparing two commits: by git's own judgement, from bare copies, in a process that ends with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import psutil
import pytest
from git_world import Repo

from edge_worker.attempt.messages import Equipment
from edge_worker.comparing.asked import Comparisons
from edge_worker.handlers.base import Reporter
from edge_worker.source.compare import compare
from edge_worker.source.fetch import FetchLimits
from edge_worker.source.git import Access
from shared.changes import Change
from shared.errors import InvalidRequest, NotAnswered, NotFound, PharosError, Unavailable
from shared.nodes.comparison import Compared, Comparison

TENANT = UUID("00000000-0000-7000-8000-000000000001")
LIMITS = FetchLimits(seconds=60.0, max_bytes=50 << 20, max_files=1000, max_file_bytes=1 << 20, free_bytes=1)
CODE = b"".join(b"line_%d = %d\n" % (number, number) for number in range(40))


@pytest.fixture
def commits(repo: Repo) -> tuple[str, str]:
    """Two commits that differ in every way."""
    base = repo.commit(
        {"kept.py": CODE + b"k = 1\n", "edited.py": b"a = 1\n", "gone.py": b"b = 1\n", "old/name.py": CODE}
    )
    repo.git("rm", "--quiet", "gone.py")
    repo.git("mv", "old/name.py", "na\tme.py")
    head = repo.commit(
        {"edited.py": b"a = 2\n", "new.py": b"c = 1\n", "na\tme.py": CODE + b"d = 1\n", "README.md": b"x"}
    )
    return base, head


@pytest.fixture
def equipment(tmp_path: Path) -> Equipment:
    """What a worker is told that may read below one local root."""
    return Equipment(
        node="den",
        work_dir=tmp_path / "work",
        vector_store="lancedb",
        lancedb_path=tmp_path / "lancedb",
        qdrant_url=None,
        qdrant_api_key=None,
        device="cpu",
        git_hosts=("github.com",),
        local_roots=(tmp_path / "root",),
        private_hosts=(),
        git_tokens_file=None,
        fetch_timeout=60.0,
        min_free_mb=1,
        max_repository_mb=50,
        max_files=20_000,
        max_file_kb=1024,
        log_level="warning",
    )


@pytest.fixture
def comparisons(equipment: Equipment, tmp_path: Path) -> Comparisons:
    """That worker's comparisons."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return Comparisons(equipment, environment=os.environ, scratch=scratch)


def _wanted(repo: Repo, base: str, head: str, *, most: int = 100, seconds: float = 60.0) -> dict[str, object]:
    comparison = Comparison(
        tenant_id=TENANT,
        repository=f"local:{repo.path}",
        url=str(repo.path),
        base=base,
        head=head,
        most=most,
        seconds=seconds,
    )
    return comparison.model_dump(mode="json")


def _compare(repo: Repo, job: Path, local: Access, base: str, head: str, **limits: float) -> list[Change]:
    reporter = Reporter(lambda *_: None, lambda: False)
    return compare(
        repo.address,
        base=base,
        head=head,
        into=job,
        limits=replace(LIMITS, **limits),  # type: ignore[arg-type]  # a table of any limit
        access=local,
        reporter=reporter,
    )


def test_every_way_to_differ_is_told(repo: Repo, commits: tuple[str, str], job: Path, local: Access) -> None:
    """Added, modified, removed, and renamed with changes, odd names too; what is the same is not told."""
    assert _compare(repo, job, local, *commits) == [
        Change(path="README.md", status="added"),
        Change(path="edited.py", status="modified"),
        Change(path="gone.py", status="removed"),
        Change(path="na\tme.py", status="renamed", before="old/name.py"),
        Change(path="new.py", status="added"),
    ]


def test_commit_differs_in_nothing_from_itself(repo: Repo, commits: tuple[str, str], job: Path, local: Access) -> None:
    """The same commit twice is an empty answer."""
    assert _compare(repo, job, local, commits[0], commits[0]) == []


def test_large_files_do_not_hide_the_others(repo: Repo, job: Path, local: Access) -> None:
    """What the fetch leaves out is still told as changed; renames are then told as removed and added."""
    base = repo.commit({"big.py": CODE * 100, "small.py": CODE})
    repo.git("mv", "small.py", "moved.py")
    head = repo.commit({"big.py": CODE * 99, "other.py": CODE * 98, "moved.py": CODE + b"x = 1\n"})

    found = _compare(repo, job, local, base, head, max_file_bytes=2000)

    assert {one.path for one in found} >= {"big.py", "moved.py", "other.py"}


def test_unknown_commit_is_an_error(repo: Repo, commits: tuple[str, str], job: Path, local: Access) -> None:
    """A commit that is not there is no difference, but an error."""
    with pytest.raises(PharosError):
        _compare(repo, job, local, commits[0], "0" * 40)


def test_each_commit_may_be_as_large_as_one_fetch(repo: Repo, job: Path, local: Access) -> None:
    """The copy of one commit does not count against the other's."""
    base = repo.commit({"a.py": os.urandom(300_000)})
    head = repo.commit({"a.py": os.urandom(300_000)})

    found = _compare(repo, job, local, base, head, max_bytes=450_000)

    assert found == [Change(path="a.py", status="modified")]
    with pytest.raises(PharosError, match=r"MiB|MB|large"):
        _compare(repo, job / "small", local, base, head, max_bytes=200_000)


def test_names_that_are_not_utf_8_are_told_whole(repo: Repo, comparisons: Comparisons) -> None:
    """Such a name is shown as answers show it, however long that becomes."""
    base = repo.commit({"a.py": CODE})
    folder = b"/".join([b"\xe9" * 250] * 8)
    blob = repo.git("hash-object", "-w", "--stdin", data=b"x = 1\n").encode()
    repo.git("update-index", "-z", "--add", "--index-info", data=b"100644 %s\t%s/b.py\0" % (blob, folder))
    head = repo.git("commit-tree", "-m", "x", "-p", base, repo.git("write-tree"))
    repo.git("update-ref", "refs/heads/main", head)

    (found,) = Compared.model_validate(comparisons(_wanted(repo, base, head))).changes

    assert found.path == "/".join(["\\xe9" * 250] * 8) + "/b.py"


def test_more_names_than_an_answer_takes_are_refused_in_words(repo: Repo, comparisons: Comparisons) -> None:
    """As many changes as are wanted fit an answer while their names are of a common length; else that is said."""
    short = {f"package/folder/of/some/length/here/module_{number}.py": b"" for number in range(5000)}
    base = repo.commit({"README": b""})
    head = repo.commit(short)
    last = repo.commit({f"{'folder/' * 30}{name}": b"" for name in short})

    assert len(comparisons(_wanted(repo, base, head, most=5000))["changes"]) == 5000
    with pytest.raises(NotAnswered, match="nearer to each other"):
        comparisons(_wanted(repo, head, last, most=5000))


@pytest.mark.skipif(os.name != "posix", reason="git is put to sleep by a shell script")
def test_comparison_ends_with_its_worker(
    repo: Repo, commits: tuple[str, str], equipment: Equipment, tmp_path: Path
) -> None:
    """A worker that is killed leaves no process behind that goes on with a comparison."""
    sleeper = tmp_path / "bin" / "git"
    sleeper.parent.mkdir()
    sleeper.write_text('#!/bin/sh\n[ "$1" = version ] && echo git version 2.39.5 && exit\nexec sleep 300\n')
    sleeper.chmod(0o755)
    path = f"{sleeper.parent}{os.pathsep}{os.environ['PATH']}"
    told = json.dumps([equipment.model_dump(mode="json"), _wanted(repo, *commits)])
    with subprocess.Popen([sys.executable, "-c", _WORKER, told], env={**os.environ, "PATH": path}) as worker:
        started = _descendants_until(worker.pid, "sleep")
        worker.kill()

    assert psutil.wait_procs(started, timeout=20.0)[1] == []


#: A worker that does nothing but one comparison.
_WORKER = """
import json, os, sys
from edge_worker.attempt.messages import Equipment
from edge_worker.comparing.asked import Comparisons
equipment, wanted = json.loads(sys.argv[1])
equipment = Equipment.model_validate(equipment)
scratch = equipment.work_dir
scratch.mkdir()
Comparisons(equipment, environment=os.environ, scratch=scratch)(wanted)
"""


def _descendants_until(worker: int, name: str) -> list[psutil.Process]:
    """Return all that a process has started, once one of that name is among them."""
    ends = time.monotonic() + 60.0
    while time.monotonic() < ends:
        found = psutil.Process(worker).children(recursive=True)
        if any(name in _name(one) for one in found):
            return found
        time.sleep(0.05)
    raise AssertionError(f"no {name} was started")


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.NoSuchProcess:
        return ""


def test_comparison_in_a_process_of_its_own(
    repo: Repo, commits: tuple[str, str], comparisons: Comparisons, tmp_path: Path
) -> None:
    """A worker answers with the sources that differ, and leaves nothing on its disk."""
    found = Compared.model_validate(comparisons(_wanted(repo, *commits)))

    assert [(one.path, one.status) for one in found.changes] == [
        ("edited.py", "modified"),
        ("gone.py", "removed"),
        ("na\tme.py", "renamed"),
        ("new.py", "added"),
    ]
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "words", "kind"),
    [
        ({"most": 3}, "4 sources", NotAnswered),
        ({"url": "/etc"}, "", Unavailable),
        ({"head": "0" * 40}, f"no branch, tag or commit '{'0' * 40}'", NotFound),
        ({"base": "1" * 40}, f"no branch, tag or commit '{'1' * 40}'", NotFound),
    ],
    ids=["many", "elsewhere", "unknown-head", "unknown-base"],
)
def test_what_cannot_be_compared_is_explained(
    change: dict[str, object],
    words: str,
    kind: type[PharosError],
    repo: Repo,
    commits: tuple[str, str],
    comparisons: Comparisons,
) -> None:
    """Too many changes and an unknown commit end as words for a person, an address that only others may read too."""
    with pytest.raises(kind) as error:
        comparisons({**_wanted(repo, *commits), **change})

    assert type(error.value) is kind
    assert words in error.value.message
    assert len(error.value.message) > 10


@pytest.mark.parametrize("change", [{"base": "--output=x"}, {"most": 0}, {"url": None}], ids=["base", "most", "url"])
def test_what_is_no_comparison_is_refused(
    change: dict[str, object], repo: Repo, commits: tuple[str, str], comparisons: Comparisons
) -> None:
    """Nothing is started for a body that is not one."""
    with pytest.raises(InvalidRequest):
        comparisons({**_wanted(repo, *commits), **change})


def test_third_comparison_at_a_time_is_refused(repo: Repo, commits: tuple[str, str], comparisons: Comparisons) -> None:
    """Two run side by side; whoever comes third is told at once, and again welcome when they are done."""
    refused: list[bool] = []

    def ask() -> None:
        try:
            comparisons(_wanted(repo, *commits))
        except Unavailable:
            refused.append(True)

    callers = [threading.Thread(target=ask) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert len(refused) == 2
    assert comparisons(_wanted(repo, *commits))["changes"]
