"""The whole product on this machine: every process started in order, checked, and stopped in the order back."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from pydantic import SecretStr

from pharos.answers import Worker
from pharos.client import PlaneClient
from pharos.connection import CONNECTION, write_connection
from pharos.stack.folder import Instance
from pharos.stack.ports import LOOPBACK, start_on_free_port
from pharos.stack.postgres import EmbeddedPostgres
from pharos.stack.processes import CHECKOUT, Child, environment, start_child
from pharos.stack.ready import wait_for_http, wait_until
from pharos.stack.redis import NO_REDIS, EmbeddedRedis, find_redis_program
from pharos.stack.unprivileged import server_account, server_home
from shared.errors import ConfigurationError, Unauthorized, Unavailable
from shared.ledger.migrate import APP_ROLE, KEEPER_ROLE, initialise, latest_version

#: Seconds; a first import of the ML libraries from a cold disk takes most of it.
_WORKER_WITHIN = 180.0
_PLANE_WITHIN = 60.0
#: Seconds that a worker may take to hand back its job.
_WORKER_PATIENCE = 20.0
#: A machine's name may change, and the vectors of a stack stay where they are.
_NODE = "local"
#: Of the caller's settings, those that would lead out of this stack.
_FOREIGN = ("PHAROS_QDRANT", "PHAROS_REDIS", "PHAROS_OWNER", "PHAROS_DATABASE", "PHAROS_KEEPER", "PHAROS_ADMIN")

#: States of a worker that takes jobs.
_READY = frozenset({"ready", "working"})

POSTGRES, REDIS, PLANE, WORKER, COMPUTE = "PostgreSQL", "Redis", "control plane", "worker", "compute process"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One process of the stack, by handle, and where it logs."""

    name: str
    process: psutil.Process
    log: Path

    @property
    def runs(self) -> bool:
        """Whether it is alive."""
        try:
            return self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def last_lines(self, count: int = 8) -> list[str]:
        """Return the end of its log."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return text.rstrip().splitlines()[-count:]


class LocalStack:
    """PostgreSQL, Redis, the control plane and one worker on loopback ports, with all their data in one folder.

    As a context manager it is running in its block. ``tell`` hears of each part that is ready: its name, the seconds
    that it took, and what there is to know of it.
    """

    def __init__(
        self, instance: Instance, *, local_roots: Sequence[Path], tell: Callable[[str, float, str], None]
    ) -> None:
        self._instance = instance
        self._roots = _joined(local_roots)
        self._tell = tell
        self._running = ExitStack()
        self._postgres = EmbeddedPostgres(self.folder / "postgres")
        self._redis_url: str | None = None
        self.parts: list[Part] = []
        self.url = ""

    @property
    def folder(self) -> Path:
        """Where everything of this stack lies, the logs too."""
        return self._instance.folder

    def client(self) -> PlaneClient:
        """Return a connection to the control plane; the caller closes it."""
        return PlaneClient(self.url, self._instance.secrets.admin_token, tell=lambda _: None)

    def dead(self) -> Part | None:
        """Return a part that has ended by itself, if one has."""
        return next((part for part in self.parts if not part.runs), None)

    def forget(self, part: Part) -> None:
        """Watch a part no longer that has ended by itself."""
        self.parts.remove(part)

    def revive_worker(self, dead: Part) -> None:
        """Start another worker in place of one that has ended by itself. Raises as ``start`` does."""
        self.forget(dead)
        self._start_worker()

    def start(self) -> None:
        """Start everything and return when a worker is ready to take jobs.

        Raises:
            Unavailable, ConfigurationError: a part did not start; those before it run until ``stop``.
        """
        self._start_postgres()
        self._start_redis()
        self._start_plane()
        self._running.callback((self.folder / CONNECTION).unlink, missing_ok=True)
        write_connection(self.folder, url=self.url, token=self._instance.secrets.admin_token)
        self._start_worker()

    def stop(self) -> None:
        """Stop every process: the worker, which hands back its job, the control plane, Redis, PostgreSQL."""
        self.parts = []
        self._running.close()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start_postgres(self) -> None:
        secrets = self._instance.secrets
        with self._timed(POSTGRES) as done:
            self._running.callback(self._postgres.stop)
            self._postgres.start()
            initialise(
                SecretStr(self._postgres.owner_url()),
                app_password=SecretStr(secrets.app_password),
                keeper_password=SecretStr(secrets.keeper_password),
            )
            self._add(POSTGRES, self._postgres.pid, postgres_home(self.folder) / "postgres.log")
            done.append(f"ledger with schema {latest_version()}")

    def _start_redis(self) -> None:
        program = find_redis_program()
        if program is None:
            self._tell(REDIS, 0.0, NO_REDIS)
            return
        with self._timed(REDIS) as done:
            redis = EmbeddedRedis(self.folder / "redis", program=program)
            self._running.callback(redis.stop)
            redis.start()
            self._redis_url = redis.url
            self._add(REDIS, redis.pid, self.folder / "redis" / "redis.log")
            done.append(program.name)

    def _start_plane(self) -> None:
        with self._timed(PLANE) as done:
            port, child = start_on_free_port(self._launch_plane, self._wait_for_plane)
            self._running.callback(child.stop)
            self.url = f"http://{LOOPBACK}:{port}"
            self._add(PLANE, child.pid, child.log)
            done.append(self.url)

    def _start_worker(self) -> None:
        with self._timed(WORKER) as done, self.client() as client:
            child = start_child(
                [sys.executable, "-m", "edge_worker"],
                name=f"The {WORKER}",
                log=self.folder / "worker.log",
                env=self._environment(self._worker_settings()),
                cwd=CHECKOUT,
            )
            self._running.callback(child.stop, patience=_WORKER_PATIENCE)
            began, found = time.monotonic(), list[Worker]()
            wait_until(lambda: _find_ready(client, began, found), child, within=_WORKER_WITHIN)
            self._add(WORKER, child.pid, child.log)
            done.append(f"{found[0]['capabilities']['gpu_name'] or 'CPU'}, vectors in LanceDB")

    def _launch_plane(self, port: int) -> Child:
        settings = {
            "MODE": "CLOUD",
            "PORT": str(port),
            "PHAROS_HOST": LOOPBACK,
            # A page elsewhere cannot reach this plane under a name of its own (DNS rebinding).
            "PHAROS_ALLOWED_HOSTS": f"{LOOPBACK},localhost",
            "PHAROS_ADMIN_TOKEN": self._instance.secrets.admin_token,
        }
        return start_child(
            [sys.executable, "-m", "cloud_api"],
            name=f"The {PLANE}",
            log=self.folder / "cloud.log",
            env=self._environment(settings),
            cwd=CHECKOUT,
        )

    def _wait_for_plane(self, port: int, child: Child) -> None:
        url = f"http://{LOOPBACK}:{port}"
        wait_for_http(f"{url}/health", child, within=_PLANE_WITHIN)
        try:
            with PlaneClient(url, self._instance.secrets.admin_token, tell=lambda _: None) as client:
                client.workers()
        except Unauthorized as error:  # another stack took the port first
            raise Unavailable(f"Port {port} is another program's. Nothing was changed. Try again.") from error

    def _worker_settings(self) -> dict[str, str]:
        return {
            "MODE": "EDGE",
            "PHAROS_CONTROL_URL": self.url,
            "PHAROS_NODE": _NODE,
            "PHAROS_VECTOR_STORE": "lancedb",
            "PHAROS_LANCEDB_PATH": str(self.folder / "lancedb"),
            "PHAROS_WORK_DIR": str(self.folder / "work"),
            # torch would leave its cache among the machine's temporary files.
            "TORCHINDUCTOR_CACHE_DIR": str(self.folder / "cache"),
        }

    def _environment(self, settings: dict[str, str]) -> dict[str, str]:
        secrets = self._instance.secrets
        redis = {"PHAROS_REDIS_URL": self._redis_url} if self._redis_url else {}
        shared = {
            "PHAROS_WORKER_TOKEN": secrets.worker_token,
            "PHAROS_DATABASE_URL": self._postgres.role_url(APP_ROLE, secrets.app_password),
            "PHAROS_KEEPER_DATABASE_URL": self._postgres.role_url(KEEPER_ROLE, secrets.keeper_password),
            "PHAROS_LOCAL_ROOTS": self._roots,
        }
        return environment({**shared, **redis, **settings}, without=_FOREIGN)

    def _add(self, name: str, pid: int | None, log: Path) -> None:
        assert pid is not None
        self.parts.append(Part(name=name, process=psutil.Process(pid), log=log))

    @contextmanager
    def _timed(self, name: str) -> Iterator[list[str]]:
        began, found = time.monotonic(), list[str]()
        yield found
        self._tell(name, time.monotonic() - began, " ".join(found))


def postgres_home(folder: Path) -> Path:
    """Return where the PostgreSQL of the stack in ``folder`` keeps its data and its log."""
    return server_home(folder / "postgres", server_account())


def _find_ready(client: PlaneClient, began: float, found: list[Worker]) -> bool:
    """Put the worker that came up since ``began`` into ``found``: a plane remembers those before a crash, too."""
    age = time.monotonic() - began
    found += [one for one in client.workers() if one["state"] in _READY and one["seen_seconds_ago"] < age]
    return bool(found)


def _joined(roots: Sequence[Path]) -> str:
    texts = [str(root) for root in roots]
    odd = next((text for text in texts if "," in text), None)
    if odd is not None:
        raise ConfigurationError(f"The folder {odd} has a comma in its name, which PHAROS_LOCAL_ROOTS cannot hold.")
    return ",".join(texts)
