"""What a worker may reach, from what its processes are told of it: addresses, credentials, limits."""

from __future__ import annotations

from collections.abc import Callable

from edge_worker.attempt.messages import Equipment
from edge_worker.source.credentials import Tokens
from edge_worker.source.fetch import FetchLimits
from edge_worker.source.git import Access
from shared.repositories import RepositoryAddress, parse_repository


def limits_of(equipment: Equipment) -> FetchLimits:
    """Return the most that one fetch of this worker may take."""
    return FetchLimits(
        seconds=equipment.fetch_timeout,
        max_bytes=equipment.max_repository_mb << 20,
        max_files=equipment.max_files,
        max_file_bytes=equipment.max_file_kb << 10,
        free_bytes=equipment.min_free_mb << 20,
    )


def address_of(equipment: Equipment, url: str) -> RepositoryAddress:
    """Return a repository's address, checked again here: the plane's rules are not this machine's.

    Raises:
        InvalidRepository: this worker may not read it.
    """
    return parse_repository(
        url,
        hosts=(*equipment.git_hosts, *equipment.private_hosts),
        local_roots=[str(root) for root in equipment.local_roots],
    )


def access_to(equipment: Equipment) -> Callable[[str, str], Access]:
    """Return what finds the way to a repository of a tenant; the tokens are read once."""
    tokens = Tokens.read(equipment.git_tokens_file) if equipment.git_tokens_file is not None else Tokens()
    return lambda repository, tenant: Access(
        private_hosts=equipment.private_hosts,
        local_roots=tuple(equipment.local_roots),
        token=tokens.find(repository, tenant),
    )
