"""What git's complaints mean for a job: one table, and messages that no credential can be in."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable

from shared.errors import JobSignal, Permanent, Snooze, Transient
from shared.repositories import RepositoryAddress

_USERINFO = re.compile(r"(?i)([a-z][a-z0-9+.-]*://)[^/\s@]+@")
_HEADER = re.compile(r"(?i)(authorization|basic|bearer|token)[:\s=]+\S+(\s+\S+)?")
_DISK = re.compile(r"No space left|Disk quota exceeded|File too large", re.IGNORECASE)
_REDIRECT = re.compile(r"unable to update url base from redirection|redirects? .*followed|returned error: 30\d")
_MISSING = re.compile(
    r"epository (\S+ )?not found|could not be found|does not exist|could not read (Username|Password)|"
    r"Authentication failed|returned error: 40[134]|does not appear to be a git repository|not a git repository|"
    r"Access denied|unable to read askpass"
)
_REF = re.compile(r"couldn't find remote ref|not our ref|unadvertised object|trying to write non-commit object")
_MALFORMED = re.compile(r"fsck error|index-pack failed|unpack-objects failed|pack has bad object|bad tree|is corrupt")
#: Also a partial clone given as a local repository: what it lacks is not fetched from elsewhere.
_CORRUPT = re.compile(r"possible repository corruption on the remote side")
_FORMAT = re.compile(r"mismatched algorithms|unknown object format|unsupported object format")
#: A pack that broke off on the way is tried again; git calls it as bad as one that is wrong.
_CUT = re.compile(r"early EOF|RPC failed|unexpected disconnect|hung up")
#: How a system says that a disk holds no more.
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_CERTIFICATE = re.compile(r"certificate", re.IGNORECASE)


def signal_for(errors: str, address: RepositoryAddress) -> JobSignal:
    """Return how an attempt ends after a git that failed and wrote ``errors``."""
    name, said = address.name, last_words(errors)
    if _DISK.search(errors):
        return disk_full()
    cut_off = _CUT.search(errors) and not _CORRUPT.search(errors)
    for pattern, end in _PERMANENT:
        if pattern.search(errors) and not cut_off:
            return end(name, said)
    hint = " Check the server's certificate." if _CERTIFICATE.search(said) else ""
    return Transient("clone_failed", f"{name} could not be fetched ({said}). Nothing was changed.{hint}")


def from_os(error: OSError, name: str) -> JobSignal:
    """Return the end for a folder of this worker that could not be read or written."""
    if error.errno in NO_SPACE:
        return disk_full()
    where = f" at {error.filename}" if error.filename else ""
    return Transient(
        "clone_failed",
        f"{name} could not be fetched: {error.strerror or error}{where}. Nothing was changed. "
        "Check what the worker's user may read and write.",
    )


def repository_not_found(name: str) -> Permanent:
    """Return the end for a repository that does not exist for this worker; no host tells the two reasons apart."""
    if name.startswith("local:"):
        return Permanent(
            "repository_not_found",
            f"There is no git repository in {name.removeprefix('local:')} on this worker. Nothing was changed. Check "
            "the path, and that the worker's user may read it.",
        )
    return Permanent(
        "repository_not_found",
        f"{name} does not exist, or is private and this worker has no token for it. Check the address, or add a line "
        "to PHAROS_GIT_TOKENS_FILE of the worker.",
    )


def ref_not_found(name: str, ref: str | None = None) -> Permanent:
    """Return the end for a branch, tag or commit that the repository does not have."""
    what = f"branch, tag or commit '{ref}'" if ref else "such commit"
    return Permanent("ref_not_found", f"{name} has no {what}. Give a commit with all 40 digits, or no ref at all.")


def repository_empty(name: str) -> Permanent:
    """Return the end for a repository without a commit."""
    return Permanent("repository_empty", f"{name} has no commit yet, so there is nothing to index. Push one first.")


def disk_full() -> Snooze:
    """Return the end for scratch space that ran out: not the job's fault, and not over in seconds."""
    return Snooze(
        "disk_full",
        "The worker's disk is full or nearly so. Nothing was changed, the scratch folder is removed, and the job "
        "waits. Free some space below PHAROS_WORK_DIR.",
    )


def timeout(name: str, seconds: float) -> Transient:
    """Return the end for a fetch that took too long."""
    return Transient(
        "clone_timeout",
        f"{name} was not fetched within {seconds:g} s. Nothing was changed. PHAROS_FETCH_TIMEOUT of the worker sets "
        "the time.",
    )


def too_large(name: str, max_bytes: int) -> Permanent:
    """Return the end for a repository above the size limit."""
    return Permanent(
        "repository_too_large",
        f"{name} is larger than {max_bytes / 1e6:,.0f} MB, the most that this worker fetches. Nothing was indexed. "
        "PHAROS_MAX_REPOSITORY_MB of the worker sets it.",
        max_bytes=max_bytes,
    )


def too_many_files(name: str, max_files: int) -> Permanent:
    """Return the end for a commit above the limit of files."""
    return Permanent(
        "too_many_files",
        f"{name} has more than {max_files:,} files, the most that this worker takes. Nothing was indexed. "
        "PHAROS_MAX_FILES of the worker sets it.",
        max_files=max_files,
    )


def last_words(errors: str) -> str:
    """Return the last complaint in ``errors``, one printable line without anything that could be a credential."""
    lines = [line for line in errors.splitlines() if line.startswith(("fatal:", "error:", "remote:"))]
    line = next(
        (line for line in reversed(lines) if line.startswith("fatal:")), lines[-1] if lines else "no reason given"
    )
    clean = _HEADER.sub(r"\1 [redacted]", _USERINFO.sub(r"\1", line.partition(": ")[2] or line))
    return "".join(sign if sign.isprintable() else " " for sign in clean)[:300].strip()


def _redirected(name: str, _: str) -> Permanent:
    return Permanent(
        "redirect_refused",
        f"{name} answers with a redirect, which is never followed. Submit the address that it moved to.",
    )


def _unknown_format(name: str, _: str) -> Permanent:
    return Permanent("object_format_unsupported", f"{name} uses an object format that Pharos does not read (SHA-256).")


def _malformed(name: str, said: str) -> Permanent:
    return Permanent(
        "repository_malformed", f"{name} holds objects that git cannot take ({said}). Nothing was indexed."
    )


#: What git says, and what it means for good; in this order.
_PERMANENT: tuple[tuple[re.Pattern[str], Callable[[str, str], Permanent]], ...] = (
    (_CORRUPT, lambda name, _: _malformed(name, "objects are missing there")),
    (_REDIRECT, _redirected),
    (_FORMAT, _unknown_format),
    (_REF, lambda name, _: ref_not_found(name)),
    (_MALFORMED, _malformed),
    (_MISSING, lambda name, _: repository_not_found(name)),
)
