"""A real house for a benchmark: PostgreSQL, Redis, a control plane and workers, in a folder that goes away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
import redis
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from pharos.stack.ports import free_port
from pharos.stack.postgres import EmbeddedPostgres
from pharos.stack.processes import Child, start_python
from pharos.stack.ready import wait_for_http
from pharos.stack.redis import EmbeddedRedis, find_redis_program
from shared.ledger.keeper import Keeper
from shared.ledger.migrate import APP_ROLE, KEEPER_ROLE, initialise
from shared.ledger.postgres import Database

ADMIN, WORKER = "admin-token-of-this-benchmark", "worker-token-of-this-benchmark"
_APP, _KEEPER = "app-password-of-this-benchmark", "keeper-password-of-this-benchmark"


class House:
    """Starts what is asked for; everything is stopped at the end of its block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._parts = ExitStack()
        self._postgres = EmbeddedPostgres(folder / "postgres")
        self.port = free_port()
        self.redis_url = ""

    def __enter__(self) -> Self:
        self._parts.callback(self._postgres.stop)
        self._postgres.start()
        initialise(
            SecretStr(self._postgres.owner_url()), app_password=SecretStr(_APP), keeper_password=SecretStr(_KEEPER)
        )
        program = find_redis_program()
        if program is None:
            raise SystemExit("a Redis or Valkey server is needed")
        redis = EmbeddedRedis(self.folder / "redis", program=program)
        self._parts.callback(redis.stop)
        redis.start()
        self.redis_url = redis.url
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._parts.close()

    @property
    def settings(self) -> dict[str, str]:
        """What every process is told."""
        return {
            "PHAROS_WORKER_TOKEN": WORKER,
            "PHAROS_DATABASE_URL": self._postgres.role_url(APP_ROLE, _APP),
            "PHAROS_KEEPER_DATABASE_URL": self._postgres.role_url(KEEPER_ROLE, _KEEPER),
            "PHAROS_REDIS_URL": self.redis_url,
        }

    @property
    def postgres_address(self) -> tuple[str, int]:
        """Where PostgreSQL listens."""
        found = conninfo_to_dict(self.settings["PHAROS_DATABASE_URL"])
        return str(found["host"]), int(str(found["port"]))

    def through(self, port: int) -> dict[str, str]:
        """Return the settings that reach PostgreSQL through another port of this machine."""
        host, own = self.postgres_address
        names = ("PHAROS_DATABASE_URL", "PHAROS_KEEPER_DATABASE_URL")
        return {name: self.settings[name].replace(f"{host}:{own}", f"127.0.0.1:{port}") for name in names}

    def count_jobs(self) -> int:
        """Return how many jobs the ledger has."""
        with psycopg.connect(self.settings["PHAROS_KEEPER_DATABASE_URL"]) as link:
            row = link.execute("select count(*) from pharos.jobs").fetchone()
        return int(row[0]) if row else 0

    def start_plane(self, **settings: str) -> int:
        """Start the control plane; return its port once it answers."""
        mine = {"MODE": "CLOUD", "PORT": str(self.port), "PHAROS_ADMIN_TOKEN": ADMIN}
        child = self.start("cloud_api", **{**mine, **settings})
        wait_for_http(f"http://127.0.0.1:{self.port}/health", child)
        return self.port

    def start(self, module: str, **settings: str) -> Child:
        """Start one process of the product."""
        child = start_python(module, log=self.folder / f"{module}.log", env={**self.settings, **settings})
        self._parts.callback(child.stop)
        return child

    def start_worker(self, module: str, **settings: str) -> Child:
        """Start one worker process."""
        mine = {
            "MODE": "EDGE",
            "PHAROS_NODE": "bench",
            "PHAROS_CONTROL_URL": f"http://127.0.0.1:{self.port}",
            "PHAROS_WORK_DIR": str(self.folder / "work"),
            "PHAROS_LANCEDB_PATH": str(self.folder / "lancedb"),
            "PHAROS_LOG_LEVEL": "warning",
        }
        return self.start(module, **{**mine, **settings})

    @contextmanager
    def keeper(self) -> Iterator[Keeper]:
        """Lend a keeper of the ledger."""
        with closing(Database(SecretStr(self.settings["PHAROS_KEEPER_DATABASE_URL"]))) as database:
            yield Keeper(database)

    def own_database(self, name: str) -> str:
        """Return the URL of a fresh, empty database."""
        with psycopg.connect(self._postgres.owner_url("postgres"), autocommit=True) as link:
            link.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(name)))
            link.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        return self._postgres.owner_url(name)

    def seconds_of_jobs(self, count: int) -> float:
        """Wait until so many jobs have succeeded; return the seconds from the first start to the last end."""
        asked = (
            "select count(*), extract(epoch from max(finished_at) - min(started_at))::float8 from pharos.jobs"
            " where state = 'succeeded'"
        )
        with psycopg.connect(self.settings["PHAROS_KEEPER_DATABASE_URL"], autocommit=True) as link:
            while True:
                done, seconds = link.execute(asked).fetchone() or (0, None)
                if done >= count:
                    return float(seconds)
                time.sleep(0.2)

    def analyse(self) -> None:
        """Have PostgreSQL look at its tables, as autovacuum does within a minute."""
        with psycopg.connect(self._postgres.owner_url(), autocommit=True) as link:
            link.execute("analyze")

    def milliseconds_until_start(self) -> list[float]:
        """Return how long each job waited for its first start."""
        asked = "select 1000 * extract(epoch from first_started_at - created_at)::float8 from pharos.jobs order by id"
        with psycopg.connect(self.settings["PHAROS_KEEPER_DATABASE_URL"]) as link:
            return [float(row[0]) for row in link.execute(asked).fetchall()]

    def clear_redis(self) -> None:
        """Empty Redis."""
        redis.Redis.from_url(self.redis_url).flushall()

    def clear_jobs(self) -> None:
        """Forget every job."""
        with psycopg.connect(self._postgres.owner_url(), autocommit=True) as link:
            link.execute("truncate pharos.idempotency_keys, pharos.jobs")
