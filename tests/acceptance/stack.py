"""A whole Pharos for one test: a database of its own, a control plane and workers as the processes they are."""

from __future__ import annotations

import secrets
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import psycopg
from pydantic import SecretStr

from pharos.stack.ports import free_port
from pharos.stack.postgres import EmbeddedPostgres
from pharos.stack.processes import Child, start_python
from pharos.stack.ready import wait_for_http
from shared.ledger.migrate import initialise
from shared.ledger.records import DEFAULT_TENANT
from tests.integration.ledger_world import APP_PASSWORD, KEEPER_PASSWORD

#: Every time of the product, a twentieth of itself: a heartbeat a second, a worker lost after three.
TIME_SCALE = 0.05
ADMIN, WORKER = "admin-token-of-this-test", "worker-token-of-this-test"


class Stack:
    """Starts and stops the parts; everything it started is gone when it is closed."""

    def __init__(self, folder: Path, postgres: EmbeddedPostgres, redis_url: str | None) -> None:
        self.folder = folder
        self.redis_url = redis_url
        self.database = f"pharos_{secrets.token_hex(6)}"
        self._postgres = postgres
        self._parts = ExitStack()
        self._port = free_port()
        self._workers = 0
        with psycopg.connect(postgres.owner_url("postgres"), autocommit=True) as link:
            link.execute(f"create database {self.database}".encode())
        initialise(
            SecretStr(postgres.owner_url(self.database)),
            app_password=APP_PASSWORD,
            keeper_password=KEEPER_PASSWORD,
        )
        self.http = self._parts.enter_context(
            httpx2.Client(
                base_url=f"http://127.0.0.1:{self._port}",
                headers={"Authorization": f"Bearer {ADMIN}"},
                timeout=30.0,
            )
        )

    def start_plane(self, *, ready: bool = True, **settings: str) -> Child:
        """Start the control plane and, unless it is to refuse, wait until it answers."""
        child = self._start("cloud_api", MODE="CLOUD", PORT=str(self._port), PHAROS_ADMIN_TOKEN=ADMIN, **settings)
        if ready:
            wait_for_http(f"http://127.0.0.1:{self._port}/health", child)
        return child

    def start_worker(self, node: str = "alienware", **settings: str) -> Child:
        """Start a worker; it is there when the control plane has heard it."""
        return self._start("edge_worker", MODE="EDGE", **self.worker_settings(node, **settings))

    def worker_settings(self, node: str, **settings: str) -> dict[str, str]:
        """Return the environment of a worker of this stack."""
        return {
            **self._shared(),
            "PHAROS_NODE": node,
            "PHAROS_CONTROL_URL": f"http://127.0.0.1:{self._port}",
            "PHAROS_WORK_DIR": str(self.folder / f"work-{node}"),
            "PHAROS_LANCEDB_PATH": str(self.folder / f"lancedb-{node}"),
            "PHAROS_DEVICE": "cpu",
            **settings,
        }

    def submit(self, repository: Path, **body: object) -> dict[str, Any]:
        """Ask for an ingest and return the answer's data."""
        answer = self.http.post("/api/v1/ingestion/ingest", json={"url": str(repository), **body})
        assert answer.status_code == 202, answer.text
        return dict(answer.json()["data"])

    def job(self, job_id: str) -> dict[str, Any]:
        """Return a job as the API shows it."""
        return dict(self.http.get(f"/api/v1/jobs/{job_id}").json()["data"])

    def wait(self, job_id: str, *states: str, within: float = 60.0) -> dict[str, Any]:
        """Return a job once it is in one of ``states`` (by default: once it ended)."""
        wanted = states or ("succeeded", "failed", "cancelled", "skipped")
        return self.until(lambda: self.job(job_id), lambda job: job["state"] in wanted, within=within)

    def until(self, look: Callable[[], Any], good: Callable[[Any], bool], *, within: float = 60.0) -> Any:
        """Look until what is seen is good, and return it; a wait for other processes, bounded."""
        deadline = time.monotonic() + within
        seen = look()
        while not good(seen):
            assert time.monotonic() < deadline, f"still {seen!r}\n{self.logs()}"
            time.sleep(0.05)
            seen = look()
        return seen

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the ledger itself, as the default tenant."""
        with psycopg.connect(self._url("pharos_app", APP_PASSWORD)) as link:
            link.execute("select set_config('app.tenant_id', %s, false)", (str(DEFAULT_TENANT),))
            return link.execute(statement.encode()).fetchall()

    def logs(self) -> str:
        """Return the last lines of every process."""
        tails = (path.read_text(errors="replace").splitlines()[-15:] for path in sorted(self.folder.glob("*.log")))
        return "\n".join(line for tail in tails for line in tail)

    def close(self) -> None:
        """Stop everything."""
        self._parts.close()

    def _url(self, role: str, password: SecretStr) -> str:
        return self._postgres.role_url(role, password.get_secret_value(), self.database)

    def _start(self, module: str, **settings: str) -> Child:
        self._workers += 1
        log = self.folder / f"{self._workers:02d}-{module}.log"
        return self._parts.enter_context(start_python(module, log=log, env=self._shared() | settings))

    def _shared(self) -> dict[str, str]:
        return {
            "PHAROS_WORKER_TOKEN": WORKER,
            "PHAROS_DATABASE_URL": self._url("pharos_app", APP_PASSWORD),
            "PHAROS_KEEPER_DATABASE_URL": self._url("pharos_keeper", KEEPER_PASSWORD),
            "PHAROS_REDIS_URL": self.redis_url or "",
            "PHAROS_LOCAL_ROOTS": str(self.folder),
            "PHAROS_TIME_SCALE": str(TIME_SCALE),
        }


def kill(child: Child) -> None:
    """End a process as a power cut would."""
    child.stop(ask=signal.SIGKILL)
