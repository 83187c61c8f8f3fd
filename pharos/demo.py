"""``pharos demo``: the whole product once, through its public HTTP API, and every figure from that run."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pharos.address import local_folder
from pharos.answers import Accepted, Job, Likeness, Reached
from pharos.client import PlaneClient
from pharos.follow import follow
from pharos.local import COMPUTE, POSTGRES, WORKER, LocalStack, postgres_home
from pharos.memory import PeakMemory
from pharos.names import retold
from pharos.stack.folder import Instance
from pharos.stack.processes import CHECKOUT
from shared.errors import InvalidRepository, Unavailable

#: Files whose imports are asked for to find one that is imported much.
_SAMPLE = 100
_POLL = 0.1
#: How many imports away a dependent may be.
_DEPTH = 3


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    """What is known of one file."""

    path: str
    similar: list[Likeness]
    dependents: list[Reached]


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a demo found. ``memory`` is in bytes by process, ``seconds`` how long all of it took."""

    job: Job
    neighbourhood: Neighbourhood | None
    memory: dict[str, int]
    seconds: float

    @property
    def record(self) -> dict[str, Any]:
        """The job's result."""
        return self.job["result"] or {}


@dataclass(frozen=True, kw_only=True)
class Voice:
    """How a demo says how far it is: a part is ready, the job was accepted, the job was looked at."""

    ready: Callable[[str, float, str], None]
    accepted: Callable[[Accepted], None]
    looked: Callable[[Job], None]


def run_demo(repository: str | None, voice: Voice, *, kept: Callable[[Path], None]) -> Report:
    """Start a stack of its own, index a repository, ask for what was learned, stop everything.

    The stack's folder is removed; when anything fails it is kept, and ``kept`` hears where.

    Raises:
        InvalidRepository: there is no such repository.
        Unavailable, ConfigurationError: a part did not start, or the job did not succeed.
    """
    began = time.monotonic()
    address, roots = _what(repository)
    with _own_folder(kept) as folder:
        job, found, memory = _run(folder, roots, address, voice)
    return Report(job=job, neighbourhood=found, memory=memory, seconds=time.monotonic() - began)


def _run(
    folder: Path, roots: list[Path], address: str, voice: Voice
) -> tuple[Job, Neighbourhood | None, dict[str, int]]:
    with (
        Instance.claim(folder) as instance,
        LocalStack(instance, local_roots=roots, tell=voice.ready) as stack,
        stack.client() as client,
        _watched(stack) as memory,
    ):
        accepted = client.submit({"url": address})
        voice.accepted(accepted)
        job = follow(client, accepted["job_id"], show=voice.looked, every=_POLL)
        if job["state"] != "succeeded":
            raise Unavailable(f"The job ended as {job['state']} ({job['reason']}). {job['detail'] or ''}")
        found = _look_around(client, accepted["repository_id"])
    return job, found, memory.peaks()


def _what(repository: str | None) -> tuple[str, list[Path]]:
    """Return the address to submit and the folders that the stack may read for it."""
    folder = CHECKOUT if repository is None else local_folder(repository)
    if folder is None:
        assert repository is not None
        return repository, []
    if not _has_commits(folder):
        raise InvalidRepository(
            f"{retold(str(folder))} is not a git repository with at least one commit. Nothing was started. "
            "Name one: pharos demo <url or path>"
        )
    return folder.as_posix(), [folder]


def _has_commits(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    # The folder may be another user's; nothing of it is run by this question.
    command = ["git", "-c", "safe.directory=*", "-C", str(folder), "rev-parse", "--quiet", "--verify", "HEAD^{commit}"]
    asked = subprocess.run(command, capture_output=True, check=False)
    is_top = (folder / ".git").exists() or (folder / "HEAD").exists()
    return asked.returncode == 0 and is_top


@contextmanager
def _own_folder(kept: Callable[[Path], None]) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="pharos-demo-"))
    try:
        yield folder
    except Exception:
        kept(folder)
        raise
    except KeyboardInterrupt:
        _remove(folder)
        raise
    _remove(folder)


def _remove(folder: Path) -> None:
    home = postgres_home(folder)
    shutil.rmtree(folder)
    if home.exists():
        shutil.rmtree(home)


@contextmanager
def _watched(stack: LocalStack) -> Iterator[PeakMemory]:
    pids = {part.name: part.process.pid for part in stack.parts}
    with PeakMemory(pids, families=[POSTGRES], children={WORKER: COMPUTE}) as memory:
        yield memory


def _look_around(client: PlaneClient, repository_id: str) -> Neighbourhood | None:
    path = _well_connected(client, repository_id)
    if path is None:
        return None
    return Neighbourhood(
        path=path,
        similar=client.similar(repository_id, path, limit=5)["similar"],
        dependents=client.reached(repository_id, path, which="dependents", depth=_DEPTH),
    )


def _well_connected(client: PlaneClient, repository_id: str) -> str | None:
    """Return the file that most of a sample of files import, or None where no file imports another."""
    linked = [file["path"] for file in client.files(repository_id) if not file["isolated"]]
    step = max(1, len(linked) // _SAMPLE)
    counted = Counter[str]()
    for path in linked[::step][:_SAMPLE]:
        counted.update(one["path"] for one in client.reached(repository_id, path, which="dependencies", depth=1))
    return counted.most_common(1)[0][0] if counted else None
