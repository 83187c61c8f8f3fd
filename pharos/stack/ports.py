"""Loopback ports, chosen anew at each start."""

from __future__ import annotations

import socket
from collections.abc import Callable

from pharos.stack.processes import Child
from shared.errors import Unavailable

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """Return a loopback port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def start_on_free_port(
    launch: Callable[[int], Child], wait: Callable[[int, Child], None], *, attempts: int = 3
) -> tuple[int, Child]:
    """Launch a server on a free port and wait until it is ready; return the port and the process.

    Another process may take the port between the choice and the server's bind: then another port is tried.

    Raises:
        Unavailable: the server did not become ready; it was stopped.
    """
    for left in reversed(range(attempts)):
        port = free_port()
        child = launch(port)
        try:
            wait(port, child)
        except Unavailable:
            ended_by_itself = child.exit_code is not None
            child.stop()
            if left and ended_by_itself and _is_taken(port):
                continue
            raise
        except BaseException:
            child.stop()
            raise
        return port, child
    raise ValueError("attempts must be at least 1")


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
