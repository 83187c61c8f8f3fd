"""The network that misbehaves does so as it is told, and otherwise not at all."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.proxy import FaultProxy


class _Echo(socketserver.BaseRequestHandler):
    """Answers what it is told, and keeps it."""

    def handle(self) -> None:
        """Say everything back."""
        try:
            while data := self.request.recv(65536):
                self.server.heard.append(data)  # type: ignore[attr-defined]
                self.request.sendall(data)
        except OSError:
            return


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Echo)
        self.heard: list[bytes] = []


@pytest.fixture
def server() -> Iterator[_Server]:
    """A server that says everything back."""
    with _Server() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def proxy(server: _Server) -> Iterator[FaultProxy]:
    """A proxy before it."""
    with FaultProxy(server.server_address) as proxy:
        yield proxy


def _open(proxy: FaultProxy) -> closing[socket.socket]:
    link = socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
    return closing(link)


def _ask(link: socket.socket, words: bytes = b"hello") -> bytes:
    link.sendall(words)
    got = b""
    while len(got) < len(words):
        piece = link.recv(65536)
        if not piece:
            raise ConnectionResetError
        got += piece
    return got


def _broken(link: socket.socket, words: bytes = b"hello") -> bool:
    try:
        _ask(link, words)
    except ConnectionError:
        return True
    return False


def test_it_passes_everything_on(proxy: FaultProxy) -> None:
    """Without a fault a megabyte comes back as it went."""
    words = bytes(range(256)) * 4096

    with _open(proxy) as link:
        threading.Thread(target=link.sendall, args=(words,)).start()
        got = b""
        while len(got) < len(words):
            got += link.recv(65536)

    assert got == words


def test_it_stands_before_a_unix_socket_and_on_one(tmp_path: Path, server: _Server) -> None:
    """Both ends may be a path."""
    path = tmp_path / "in"
    with FaultProxy(server.server_address, path=path), FaultProxy(path) as outer, _open(outer) as link:
        assert _ask(link) == b"hello"


def test_latency_is_counted_each_way(proxy: FaultProxy) -> None:
    """A round trip takes twice the latency, and two that are on their way at once take no longer."""
    proxy.latency = 0.05
    with _open(proxy) as link:
        began = time.monotonic()
        _ask(link)
        once = time.monotonic() - began

    assert 0.1 <= once < 0.2


def test_jitter_never_changes_the_order(proxy: FaultProxy) -> None:
    """Pieces arrive at odd times and in the order in which they were sent."""
    proxy.latency, proxy.jitter = 0.01, 0.01
    with _open(proxy) as link:
        for number in range(20):
            link.sendall(bytes([number]))
            time.sleep(0.001)
        got = b""
        while len(got) < 20:
            got += link.recv(64)

    assert got == bytes(range(20))


def test_a_slow_line_carries_so_many_bytes_a_second(proxy: FaultProxy) -> None:
    """Ten kilobytes at fifty a second take a fifth of a second, and come in drops."""
    proxy.rate = 50_000
    with _open(proxy) as link:
        began = time.monotonic()
        _ask(link, b"x" * 10_000)

    assert 0.15 <= time.monotonic() - began < 1.5


def test_a_reset_breaks_what_is_there_and_nothing_else(proxy: FaultProxy) -> None:
    """Open connections fail at once; the next one works."""
    with _open(proxy) as one, _open(proxy) as other:
        _ask(one)
        _ask(other)

        assert proxy.reset() == 2
        assert _broken(one)
        assert _broken(other)
    with _open(proxy) as fresh:
        assert _ask(fresh) == b"hello"


def test_a_server_that_is_gone_refuses(proxy: FaultProxy) -> None:
    """While it refuses nobody can connect; afterwards the same port works."""
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port), timeout=1)

    proxy.accept()

    with _open(proxy) as link:
        assert _ask(link) == b"hello"


def test_a_dead_link_stays_silent_and_new_ones_work(proxy: FaultProxy, server: _Server) -> None:
    """What a router forgot neither answers nor fails, and never comes back."""
    with _open(proxy) as old, _open(proxy) as new:
        _ask(old)
        assert proxy.deaden() >= 1
        old.settimeout(0.2)
        with pytest.raises(TimeoutError):
            _ask(old, b"anybody")
        new.close()
    with _open(proxy) as fresh:
        assert _ask(fresh) == b"hello"
    assert b"anybody" not in server.heard


def test_a_black_hole_swallows_new_connections_too(proxy: FaultProxy) -> None:
    """Nothing is refused and nothing arrives, until it is taken back."""
    proxy.blackhole = True
    with _open(proxy) as link:
        link.settimeout(0.2)
        with pytest.raises(TimeoutError):
            _ask(link)
    proxy.blackhole = False

    with _open(proxy) as link:
        assert _ask(link) == b"hello"


def test_a_reply_is_cut_after_so_many_bytes(proxy: FaultProxy) -> None:
    """The connection breaks in the middle of the reply that goes beyond, once."""
    proxy.cut_after = 12
    with _open(proxy) as link:
        assert _ask(link) == b"hello"
        assert _ask(link) == b"hello"
        assert _broken(link)
    with _open(proxy) as link:
        assert _ask(link, b"h" * 100) == b"h" * 100


@pytest.mark.parametrize("pieces", [(b"xx COMMIT xx",), (b"xx COM", b"MIT xx")], ids=["whole", "in-two"])
def test_one_reply_is_lost(proxy: FaultProxy, server: _Server, pieces: tuple[bytes, ...]) -> None:
    """The request arrives, its reply does not, and the next one does."""
    trap = proxy.drop_reply(b"COMMIT")
    with _open(proxy) as link:
        assert _ask(link, b"BEGIN") == b"BEGIN"
        for piece in pieces[:-1]:
            assert _ask(link, piece) == piece
        assert _broken(link, pieces[-1])
    with _open(proxy) as link:
        assert _ask(link, b"COMMIT") == b"COMMIT"

    assert trap.sprung.is_set()
    assert b"".join(pieces) in b"".join(server.heard)
