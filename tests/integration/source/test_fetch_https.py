"""Fetching over https from a real server: names, tokens, redirects, and servers that do not answer."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace

import psutil
import pytest
from pydantic import SecretStr

from edge_worker.handlers.base import Reporter
from edge_worker.source.credentials import encoded
from edge_worker.source.fetch import fetch, resolve_commit
from edge_worker.source.git import Access
from shared.errors import Cancelled, Permanent, Transient
from shared.repositories import RepositoryAddress

TOKEN = SecretStr("ghp_canary_0123456789")


def git_processes() -> list[psutil.Process]:
    """Return every git, and what guards it, below this process."""
    return [process for process in psutil.Process().children(recursive=True) if "git" in " ".join(cmdline(process))]


def cmdline(process: psutil.Process) -> list[str]:
    """Return the arguments of a process, none when it is gone."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_a_repository_is_fetched_over_https(repo, server, job, limits, reporter) -> None:
    """A commit comes in from a real server, large files left out by the server."""
    head = repo.commit({"a.py": b"import b\n", "big.bin": b"x" * 3_000_000})

    with fetch(
        server.address(), ref=None, into=job, limits=limits, access=server.access(), reporter=reporter
    ) as repository:
        sizes = {entry.path: entry.size for entry in repository.entries()}

    assert repository.commit == head
    assert sizes == {"a.py": 9, "big.bin": None}


@pytest.mark.parametrize("ref", ["v1", "feature/x", "OLD"])
def test_every_kind_of_ref_is_fetched_over_https(repo, server, job, limits, reporter, ref) -> None:
    """An annotated tag, a branch and an older commit lead to their commit."""
    old = repo.commit({"a.py": b"1\n"})
    repo.git("tag", "-a", "-m", "x", "v1")
    repo.git("branch", "feature/x")
    repo.commit({"a.py": b"2\n"})

    repository = fetch(
        server.address(),
        ref=old if ref == "OLD" else ref,
        into=job,
        limits=limits,
        access=server.access(),
        reporter=reporter,
    )

    assert repository.commit == old


def test_a_private_repository_needs_its_token(repo, server, job, limits, reporter) -> None:
    """With the token it is read; without, or with a wrong one, it is told like one that does not exist."""
    head = repo.commit({"a.py": b"1\n"})
    server.token = f"Basic {encoded(TOKEN)}"

    def resolve(**token: object) -> str:
        access = server.access(**token)
        return resolve_commit(server.address(), ref=None, into=job, limits=limits, access=access, reporter=reporter)

    for wrong in ({}, {"token": SecretStr("ghp_wrong_0123456789")}):
        with pytest.raises(Permanent, match="is private and this worker has no token") as refused:
            resolve(**wrong)
        assert refused.value.reason == "repository_not_found"
    assert resolve(token=TOKEN) == head


def test_a_missing_repository_is_not_found(server, job, limits, reporter) -> None:
    """A 404 ends the job for good."""
    with pytest.raises(Permanent) as refused:
        fetch(
            server.address("owner/absent"),
            ref=None,
            into=job,
            limits=limits,
            access=server.access(),
            reporter=reporter,
        )

    assert refused.value.reason == "repository_not_found"


def test_an_empty_repository_says_so_over_https(server, job, limits, reporter) -> None:
    """A repository without a commit has its own reason."""
    with pytest.raises(Permanent) as refused:
        fetch(server.address(), ref=None, into=job, limits=limits, access=server.access(), reporter=reporter)

    assert refused.value.reason == "repository_empty"


def test_a_redirect_is_refused_and_its_target_never_asked(repo, server, job, limits, reporter) -> None:
    """A server that points elsewhere gets no second question, there or here, and the token goes nowhere."""
    repo.commit({"a.py": b"1\n"})
    with socket.create_server(("127.0.0.1", 0)) as target:
        target.settimeout(0.2)
        server.redirect = f"https://localhost:{target.getsockname()[1]}"

        with pytest.raises(Permanent) as refused:
            fetch(
                server.address(),
                ref=None,
                into=job,
                limits=limits,
                access=server.access(token=TOKEN),
                reporter=reporter,
            )

        with pytest.raises(TimeoutError):
            target.accept()
    assert refused.value.reason == "redirect_refused"
    assert len(server.requests) == 1


def test_a_token_is_in_no_argument_and_in_no_file(repo, server, job, limits, reporter) -> None:
    """While git talks to the server, no process shows the token in its arguments, and no file of the job ever does."""
    repo.commit({"a.py": b"1\n"})
    seen: list[bytes] = []
    secrets = [TOKEN.get_secret_value().encode(), encoded(TOKEN).encode()]

    def look() -> None:
        seen.extend(" ".join(cmdline(process)).encode() for process in git_processes())

    server.during = look

    fetch(
        server.address(), ref=None, into=job, limits=limits, access=server.access(token=TOKEN), reporter=reporter
    ).close()

    stored = [path.read_bytes() for path in job.rglob("*") if path.is_file()]
    assert any(b"remote-https" in line for line in seen)
    assert {given for _, given in server.requests} == {f"Basic {secrets[1].decode()}"}
    assert not any(secret in text for secret in secrets for text in (*seen, *stored))


def test_a_server_with_a_certificate_of_its_own_is_not_trusted(repo, server, job, limits, reporter) -> None:
    """An unknown authority is refused before anything is sent, and the message points at the certificate."""
    repo.commit({"a.py": b"1\n"})

    with pytest.raises(Transient, match="certificate") as refused:
        fetch(
            server.address(),
            ref=None,
            into=job,
            limits=limits,
            access=replace(server.access(token=TOKEN), ca_file=None),
            reporter=reporter,
        )

    assert refused.value.reason == "clone_failed"
    assert not server.requests


def test_a_private_host_that_is_not_listed_is_never_asked(repo, server, job, limits, reporter) -> None:
    """Without the worker's own list, a server on this machine sees no connection."""
    with pytest.raises(Permanent) as refused:
        fetch(
            server.address(),
            ref=None,
            into=job,
            limits=limits,
            access=replace(server.access(), private_hosts=()),
            reporter=reporter,
        )

    assert refused.value.reason == "address_refused"
    assert not server.requests


@pytest.fixture
def silent() -> RepositoryAddress:
    """The address of a server that accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        yield RepositoryAddress(name="git.test/o/n", url=f"https://git.test:{port}/o/n", host="git.test")


@pytest.fixture
def loopback() -> Access:
    """What a worker needs to ask a test server."""
    return Access(
        private_hosts=("git.test",),
        resolve=lambda host, port, **_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))],
    )


def test_a_server_that_hangs_is_left_at_the_deadline(silent, job, limits, loopback, reporter) -> None:
    """The fetch ends within a second of its deadline and leaves no process."""
    started = time.monotonic()

    with pytest.raises(Transient) as refused:
        fetch(silent, ref=None, into=job, limits=replace(limits, seconds=1.5), access=loopback, reporter=reporter)

    assert refused.value.reason == "clone_timeout"
    assert time.monotonic() - started < 2.5
    assert git_processes() == []


def test_a_cancel_ends_a_server_that_hangs(silent, job, limits, loopback) -> None:
    """A cancel is heard while git waits for the server, and leaves no process."""
    cancel = threading.Event()

    def stopping() -> bool:
        if any("remote-https" in " ".join(cmdline(process)) for process in git_processes()):
            cancel.set()
        return cancel.is_set()

    with pytest.raises(Cancelled):
        fetch(silent, ref=None, into=job, limits=limits, access=loopback, reporter=Reporter(lambda *_: None, stopping))

    assert git_processes() == []


def test_a_closed_port_is_tried_again(job, limits, loopback, reporter) -> None:
    """A server that refuses connections may be back later."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    address = RepositoryAddress(name="git.test/o/n", url=f"https://git.test:{port}/o/n", host="git.test")

    with pytest.raises(Transient) as refused:
        fetch(address, ref=None, into=job, limits=limits, access=loopback, reporter=reporter)

    assert refused.value.reason == "clone_failed"
