"""The guard against server-side request forgery: which answers of a resolver are refused."""

from __future__ import annotations

import socket

import pytest

from edge_worker.source.addresses import Resolve, resolve_public
from shared.errors import Permanent, Transient

REFUSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.0.3",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.5",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:1.1.1.1",
    "64:ff9b::7f00:1",
    "64:ff9b::101:101",
    "64:ff9b:1::1",
    "100::1",
    "2001:0:1::1",
    "2001:2::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:101:101::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


def answering(*addresses: str) -> Resolve:
    """Return a resolver that gives these answers to every name."""
    return lambda host, port, **_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 0)) for each in addresses]


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    """A host that leads anywhere but to the public internet is never asked."""
    with pytest.raises(Permanent) as refused:
        resolve_public("git.example.org", private_hosts=(), resolve=answering(address))

    assert refused.value.reason == "address_refused"
    assert "PHAROS_PRIVATE_HOSTS" in refused.value.message


@pytest.mark.parametrize("address", ["1.1.1.1", "140.82.121.3", "2606:4700::1111", "2a01:4f8::1"])
def test_a_public_address_is_pinned(address: str) -> None:
    """The one public answer is what a connection is pinned to."""
    pinned = resolve_public("git.example.org", private_hosts=(), resolve=answering(address))

    assert pinned == address


@pytest.mark.parametrize("private", ["127.0.0.1", "10.1.2.3", "::1", "2002:7f00:1::"])
def test_one_private_answer_among_public_ones_is_enough_to_refuse(private: str) -> None:
    """A name with mixed answers is refused whole, whichever answer comes first."""
    for answers in (("1.1.1.1", private), (private, "1.1.1.1")):
        with pytest.raises(Permanent, match="not public"):
            resolve_public("git.example.org", private_hosts=(), resolve=answering(*answers))


def test_the_name_is_resolved_once() -> None:
    """A name that changes its answer after the first question gains nothing."""
    asked: list[str] = []

    def rebinding(host: str, port: None, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(2, 1, 6, "", ("1.1.1.1" if len(asked) == 1 else "127.0.0.1", 0))]

    pinned = resolve_public("git.example.org", private_hosts=(), resolve=rebinding)

    assert (pinned, asked) == ("1.1.1.1", ["git.example.org"])


@pytest.mark.parametrize("address", ["127.0.0.1", "192.168.1.10", "100.100.1.1", "fd00::5"])
def test_a_host_of_the_workers_own_list_may_be_private(address: str) -> None:
    """A git server at home is read when the worker's own configuration names it."""
    pinned = resolve_public("git.home.lan", private_hosts=("git.home.lan",), resolve=answering(address))

    assert pinned == address


@pytest.mark.parametrize("address", ["169.254.169.254", "224.0.0.1", "0.0.0.0", "fe80::1"])
def test_even_a_listed_host_does_not_lead_to_a_metadata_service(address: str) -> None:
    """Link-local, multicast and unspecified addresses stay refused for hosts on the list."""
    with pytest.raises(Permanent, match="not public"):
        resolve_public("git.home.lan", private_hosts=("git.home.lan",), resolve=answering(address))


def test_the_list_opens_no_other_host() -> None:
    """A private host on the list says nothing about its neighbours."""
    with pytest.raises(Permanent, match="not public"):
        resolve_public("other.home.lan", private_hosts=("git.home.lan",), resolve=answering("192.168.1.10"))


def failing(host: str, port: None, **_: object) -> list[tuple[object, ...]]:
    """Answer as a name server that knows nothing."""
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize("resolve", [failing, answering()])
def test_a_name_without_an_answer_is_tried_again(resolve: Resolve) -> None:
    """A name that cannot be resolved now may be later."""
    with pytest.raises(Transient) as failed:
        resolve_public("nowhere.example.org", private_hosts=(), resolve=resolve)

    assert failed.value.reason == "host_not_found"
