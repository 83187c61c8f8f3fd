"""Ids: time-ordered, safe in URLs, told apart by their prefix."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
import uuid

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"

#: What a job id looks like; the same pattern stands in the OpenAPI schema and in the ledger.
JOB_ID_PATTERN = r"^job_[0-9a-hjkmnp-tv-z]{26}$"
#: What a repository id looks like.
REPOSITORY_ID_PATTERN = r"^repo_[0-9a-hjkmnp-tv-z]{26}$"


def _base32(number: int, length: int = 26) -> str:
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(5 * (length - 1), -1, -5))


def new_job_id() -> str:
    """Return a fresh ``job_…``: a UUIDv7 (RFC 9562) in Crockford base32, so that ids sort by time of birth."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds << 80) | random
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return f"job_{_base32(value)}"


def repository_id(tenant_id: uuid.UUID, name: str) -> str:
    """Return the id of a tenant's repository: one name, one id, on every machine and after every removal."""
    digest = hashlib.sha256(f"{tenant_id}\n{name}".encode()).digest()
    return f"repo_{_base32(int.from_bytes(digest[:16], 'big'))}"


def new_worker_id(node: str) -> str:
    """Return the boot id of a worker process: the node's name and a random tail, never used twice."""
    return f"{node}.{secrets.token_hex(6)}"


def new_request_id() -> str:
    """Return an id for one request."""
    return secrets.token_hex(8)
