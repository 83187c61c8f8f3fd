"""What git's complaints mean for a job, and that no credential gets into a message."""

from __future__ import annotations

import errno

import pytest

from edge_worker.source.failures import from_os, last_words, signal_for
from shared.errors import Permanent, Snooze, Transient
from shared.repositories import RepositoryAddress

ADDRESS = RepositoryAddress(name="github.com/o/n", url="https://github.com/o/n", host="github.com")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "remote: Repository not found.\nfatal: repository 'https://github.com/o/n/' not found",
            "repository_not_found",
        ),
        ("fatal: could not read Username for 'https://github.com': terminal prompts disabled", "repository_not_found"),
        ("fatal: Authentication failed for 'https://github.com/o/n/'", "repository_not_found"),
        ("fatal: unable to access '…': The requested URL returned error: 403", "repository_not_found"),
        ("fatal: '/srv/x' does not appear to be a git repository", "repository_not_found"),
        ("fatal: couldn't find remote ref refs/heads/x", "ref_not_found"),
        ("fatal: remote error: upload-pack: not our ref 0123", "ref_not_found"),
        ("error: Server does not allow request for unadvertised object 0123", "ref_not_found"),
        ("error: object 01: hasDotdot: contains '..'\nfatal: fsck error in packed object", "repository_malformed"),
        ("fatal: mismatched algorithms: client sha1; server sha256", "object_format_unsupported"),
        ("fatal: unable to update url base from redirection:", "redirect_refused"),
        ("fatal: unable to access '…': The requested URL returned error: 302", "redirect_refused"),
    ],
)
def test_what_can_never_work_ends_the_job(said: str, reason: str) -> None:
    """A complaint that a second attempt would only repeat is permanent."""
    end = signal_for(said, ADDRESS)

    assert isinstance(end, Permanent)
    assert end.reason == reason


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("fatal: unable to access '…': Could not connect to server", "clone_failed"),
        ("fatal: unable to access '…': Operation too slow. Less than 1000 bytes/sec", "clone_failed"),
        ("fatal: unable to access '…': The requested URL returned error: 503", "clone_failed"),
        ("fatal: unable to access '…': The requested URL returned error: 429", "clone_failed"),
        ("error: RPC failed; curl 56\nfatal: early EOF\nfatal: index-pack failed", "clone_failed"),
        ("", "clone_failed"),
    ],
)
def test_what_may_work_later_is_tried_again(said: str, reason: str) -> None:
    """A network that fails now is transient."""
    end = signal_for(said, ADDRESS)

    assert isinstance(end, Transient)
    assert end.reason == reason


@pytest.mark.parametrize(
    "said",
    ["fatal: write error: No space left on device\nfatal: index-pack failed", "fatal: cannot pwrite: File too large"],
)
def test_a_full_disk_is_not_the_jobs_fault(said: str) -> None:
    """A disk that holds no more makes the job wait; nothing is counted."""
    end = signal_for(said, ADDRESS)

    assert isinstance(end, Snooze)
    assert end.reason == "disk_full"


@pytest.mark.parametrize(
    ("number", "reason"), [(errno.ENOSPC, "disk_full"), (errno.EFBIG, "disk_full"), (errno.EACCES, "clone_failed")]
)
def test_a_scratch_folder_that_cannot_be_written_is_tried_again(number: int, reason: str) -> None:
    """A full disk has the same reason whoever meets it."""
    assert from_os(OSError(number, "x"), ADDRESS.name).reason == reason


@pytest.mark.parametrize(
    "line",
    [
        "fatal: unable to access 'https://user:s3cr3t-canary@github.com/o/n/': no",
        "fatal: bad header Authorization: Basic s3cr3t-canary",
        "fatal: bad header authorization: bearer s3cr3t-canary",
        "remote: token=s3cr3t-canary is wrong",
    ],
)
def test_no_credential_gets_into_a_message(line: str) -> None:
    """Whatever git repeats, addresses lose their user and headers their value."""
    assert "s3cr3t-canary" not in last_words(line)


def test_a_message_is_one_short_printable_line() -> None:
    """What a server says can neither colour a terminal nor flood a record."""
    said = last_words("remote: hello\nfatal: \x1b[31mred\x07" + "x" * 1000 + "\nnoise\n")

    assert said.isprintable()
    assert len(said) <= 300
    assert said.startswith("[31mredx") or said.startswith("[31mred x")
