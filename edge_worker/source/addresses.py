"""The address behind a host name: resolved once, refused unless all answers are public, then pinned.

The second half of the guard against server-side request forgery; the first looks at the text
(``shared.repositories``). Because the connection is pinned to the address returned here, a name that changes its
answer between check and use (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Collection, Sequence
from typing import Any

from shared.errors import Permanent, Transient

#: ``socket.getaddrinfo`` or a twin of it: (host, port, type=…) to rows that end in a socket address.
Resolve = Callable[..., Sequence[tuple[Any, ...]]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: What ``ipaddress.is_global`` lets through although it can lead back inside: IETF protocol assignments, 6to4 and its
#: relay, the platform address of Azure, NAT64, Teredo and its neighbours, documentation, and IPv6 that carries IPv4.
_REFUSED = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "168.63.129.16/32",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
)
#: The only part of IPv6 that is given out for the public internet (RFC 4291, IANA registry).
_UNICAST6 = ipaddress.ip_network("2000::/3")


def resolve_public(host: str, *, private_hosts: Collection[str], resolve: Resolve = socket.getaddrinfo) -> str:
    """Return the address of ``host`` that a connection must be pinned to.

    A host in ``private_hosts`` (the worker's own configuration) may also lie on this machine or in its own network.

    Raises:
        Permanent: ``address_refused``, when any of the answers is not public.
        Transient: ``host_not_found``, when there is no answer.
    """
    addresses = _answers(host, resolve)
    allowed = _is_reachable if host in private_hosts else _is_public
    if not all(allowed(address) for address in addresses):
        raise Permanent(
            "address_refused",
            f"'{host}' leads to an address that is not public, so it was not asked for anything. If it is your own "
            "git server, add it to PHAROS_PRIVATE_HOSTS of the worker.",
        )
    return str(addresses[0])


def _answers(host: str, resolve: Resolve) -> list[Address]:
    try:
        rows = resolve(host, None, type=socket.SOCK_STREAM)
        # A link-local answer carries its interface ('fe80::1%eth0').
        found = [ipaddress.ip_address(str(row[-1][0]).partition("%")[0]) for row in rows]
    except (OSError, UnicodeError, ValueError) as error:
        raise _not_found(host) from error
    if not found:
        raise _not_found(host)
    return found


def _not_found(host: str) -> Transient:
    return Transient(
        "host_not_found",
        f"'{host}' cannot be found from this worker. Nothing was changed. "
        "Check the address and the worker's name server.",
    )


def _is_public(address: Address) -> bool:
    if not address.is_global or address.is_multicast:
        return False
    if address.version == 6 and address not in _UNICAST6:
        return False
    return not any(address in network for network in _REFUSED if network.version == address.version)


def _is_reachable(address: Address) -> bool:
    return not (address.is_link_local or address.is_multicast or address.is_unspecified)
