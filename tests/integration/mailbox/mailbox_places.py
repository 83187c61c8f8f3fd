"""What the mailbox's tests stand on: a way to Redis, and a look at what arrived there."""

from __future__ import annotations

import socket
from collections import Counter
from dataclasses import dataclass, field

import redis
from pydantic import SecretStr

from shared.mailbox.connection import connect
from shared.mailbox.lanes import Mailbox

WORKER = "den.0123456789ab"
LANES = ("node:den@urgent", "ingest@urgent", "node:den", "ingest+gpu6", "ingest")


@dataclass
class Place:
    """A Redis, how to reach it, and a plain link to it that looks on."""

    transport: str
    url: SecretStr
    token: SecretStr | None
    link: redis.Redis
    opened: list[Mailbox] = field(default_factory=list)

    def box(self, *, wait: float = 30.0, patience: float = 15.0) -> Mailbox:
        """Return a mailbox that is closed with the test."""
        box = Mailbox(connect(self.url, wait=wait, patience=patience, token=self.token))
        self.opened.append(box)
        return box

    def close(self) -> None:
        """Close what was opened."""
        for box in self.opened:
            box.close()


def commands(link: redis.Redis) -> Counter[str]:
    """Return how often each command was called; who looks on asks with INFO and FLUSHALL alone, once connected."""
    stats = link.info("commandstats")
    return Counter(
        {
            name.removeprefix("cmdstat_"): figures["calls"]
            for name, figures in stats.items()
            if not name.startswith(("cmdstat_info", "cmdstat_flushall", "cmdstat_config"))
        }
    )


def free_port() -> int:
    """Return a port of this machine on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
