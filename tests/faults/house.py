"""The whole product for one test: a ledger that writes its history, a plane, light workers, a bad network between."""

from __future__ import annotations

import secrets
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import httpx2
import psycopg
import redis
from pydantic import SecretStr

from edge_worker.handful import SOON
from pharos.stack.ports import free_port
from pharos.stack.postgres import EmbeddedPostgres
from shared.ledger.migrate import initialise
from shared.timing import Timing
from tests.chaos import history
from tests.chaos.history import Ask, Change, History
from tests.faults.nursery import Fledgling, Nursery
from tests.faults.proxy import FaultProxy, before
from tests.integration.ledger_world import APP_PASSWORD, KEEPER_PASSWORD

T = TypeVar("T")
Place = Literal["redis", "postgres", "plane"]

ADMIN, WORKER = "admin-token-of-this-test", "worker-token-of-this-test"
#: Seconds.
_START_WITHIN = 60.0


class House:
    """Starts parts and lets them be killed, frozen and cut off. Everything is gone when it is left."""

    def __init__(
        self,
        folder: Path,
        postgres: EmbeddedPostgres,
        redis_url: str | None,
        *,
        nursery: Nursery,
        scale: float,
        settings: dict[str, str] | None = None,
    ) -> None:
        """``settings`` hold for every process; without ``redis_url`` there is no mailbox."""
        self._nursery = nursery
        self._started: list[Fledgling] = []
        self.folder = folder
        self.scale = scale
        self.timing = Timing().scaled(scale)
        self.workers: dict[str, Fledgling] = {}
        self.plane: Fledgling | None = None
        self.proxies: dict[Place, FaultProxy] = {}
        self._settings = settings or {}
        self._postgres = postgres
        self._redis_url = redis_url
        self._database = f"house_{secrets.token_hex(6)}"
        self._port = free_port()
        self._parts = ExitStack()

    def __enter__(self) -> Self:
        with psycopg.connect(self._postgres.owner_url("postgres"), autocommit=True) as link:
            link.execute(f"create database {self._database}".encode())
        initialise(SecretStr(self.owner_url), app_password=APP_PASSWORD, keeper_password=KEEPER_PASSWORD)
        history.begin(self.owner_url)
        self.proxies["postgres"] = self._parts.enter_context(before(self.owner_url))
        self.proxies["plane"] = self._parts.enter_context(before(f"http://127.0.0.1:{self._port}"))
        if self._redis_url is not None:
            self.proxies["redis"] = self._parts.enter_context(before(self._redis_url))
            self.flush()
        self._parts.callback(self._end_all)
        headers = {"Authorization": f"Bearer {ADMIN}"}
        self.http = self._parts.enter_context(httpx2.Client(base_url=self.plane_url, headers=headers, timeout=30.0))
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    @property
    def owner_url(self) -> str:
        """The ledger, straight, as its owner."""
        return self._postgres.owner_url(self._database)

    @property
    def app_url(self) -> str:
        """The ledger, straight, as a tenant's processes see it."""
        return self._url("pharos_app", APP_PASSWORD)

    @property
    def plane_url(self) -> str:
        """The plane, through the network."""
        return f"http://127.0.0.1:{self.proxies['plane'].port}"

    def start_plane(self, *, ready: bool = True, ahead: float = 0.0, **settings: str) -> Fledgling:
        """Start a plane where the last one was, with its clock ``ahead`` by so much; return when it answers."""
        self.plane = self._nursery.start_plane(
            self.folder / "plane.log",
            ahead=ahead,
            **{
                **self._common(),
                "PORT": str(self._port),
                "PHAROS_ADMIN_TOKEN": ADMIN,
                "PHAROS_QUEUE_CAP": "1000",
                **settings,
            },
        )
        self._started.append(self.plane)
        if ready:
            self.until(self._answers, bool, within=_START_WITHIN)
        return self.plane

    def kill_plane(self) -> None:
        """End the plane as a power cut would."""
        if self.plane is not None:
            self.plane.kill()
            self.plane = None

    def start_worker(self, node: str = "den", *, ahead: float = 0.0, short: float = SOON, **settings: str) -> Fledgling:
        """Start a worker on a node, whose clock is ``ahead``, and which takes ``short`` seconds for short."""
        worker = self._nursery.start_worker(
            self.folder / f"worker-{node}.log",
            ahead=ahead,
            short=short,
            **{
                **self._common(),
                "PHAROS_NODE": node,
                "PHAROS_CONTROL_URL": self.plane_url,
                "PHAROS_WORK_DIR": str(self.folder / f"work-{node}"),
                "PHAROS_LANCEDB_PATH": str(self.folder / "lancedb"),
                **settings,
            },
        )
        self.workers[node] = worker
        self._started.append(worker)
        return worker

    def ready_worker(self, node: str = "den", *, ahead: float = 0.0, short: float = SOON, **settings: str) -> Fledgling:
        """Start a worker, and return when the plane has heard it."""
        worker = self.start_worker(node, ahead=ahead, short=short, **settings)
        self.until(self.idle, lambda nodes: node in nodes)
        return worker

    def there(self, node: str) -> bool:
        """Whether a worker of this node lives, frozen or not."""
        return node in self.workers and self.workers[node].alive

    def freeze(self, node: str) -> None:
        """Stop a worker with its compute process, as a closed lid does."""
        self._send(node, signal.SIGSTOP)

    def thaw(self, node: str) -> None:
        """Let a worker go on."""
        self._send(node, signal.SIGCONT)

    def flush(self) -> None:
        """Empty Redis."""
        with self._redis() as link:
            link.flushall()

    def idle(self) -> set[str]:
        """Return the nodes of which the plane knows a worker that is there and does nothing."""
        return {one["node"] for one in self._workers() if one["state"] == "ready"}

    def health(self, part: str) -> str:
        """Return how the plane finds a part that it stands on."""
        return str(self.http.get("/health").json()["data"]["parts"][part]["state"])

    def ask(self, name: str = "a", *, fate: str = "plain", key: str | None = None, **body: Any) -> httpx2.Response:
        """Ask for an ingest, whatever the answer is. ``fate`` is a word of ``child.py``."""
        headers = {} if key is None else {"Idempotency-Key": key}
        body = {"url": f"https://github.com/{fate}/{name}", **body}
        return self.http.post("/api/v1/ingestion/ingest", json=body, headers=headers)

    def submit(self, name: str = "a", **asked: Any) -> str:
        """Ask for an ingest that must be accepted; return the job's id."""
        answer = self.ask(name, **asked)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["data"]["job_id"])

    def push(self, job_id: str, lane: str = "ingest") -> None:
        """Put an id on a lane behind everybody's back, as a push does whose answer was lost."""
        with self._redis() as link:
            link.rpush(f"rq:queue:{lane}", job_id)

    def on_lane(self, lane: str = "ingest") -> int:
        """Return how many ids lie on a lane."""
        with self._redis() as link:
            return int(link.llen(f"rq:queue:{lane}"))

    def now(self) -> float:
        """Return the time by which the history counts."""
        with psycopg.connect(self.owner_url) as connection:
            row = connection.execute(b"select extract(epoch from clock_timestamp())::float8").fetchone()
        assert row is not None
        return float(row[0])

    def pause(self, seconds: float) -> None:
        """Let time go by: there is nothing to be seen while a process is frozen."""
        time.sleep(seconds)

    def life(self, job_id: str) -> list[Change]:
        """Return what became of a job until now."""
        return [change for change in self.history().changes if change.job_id == job_id]

    def states(self, job_id: str) -> list[str]:
        """Return the states that a job went through."""
        return [change.state for change in self.life(job_id)]

    def wait(self, job_id: str, *states: str, within: float = 60.0) -> Change:
        """Return the change by which a job first came into one of ``states`` (by default: by which it ended)."""
        wanted = states or ("succeeded", "failed", "cancelled", "skipped")
        found = self.until(lambda: [one for one in self.life(job_id) if one.state in wanted], bool, within=within)
        return found[0]

    def history(self, asks: Iterable[Ask] = ()) -> History:
        """Return what the ledger wrote down, with what was asked."""
        return history.read(self.owner_url, self.app_url, list(asks))

    def open_jobs(self, ids: Iterable[str]) -> int:
        """Return how many of these jobs have not ended."""
        with psycopg.connect(self.owner_url) as link:
            row = link.execute(
                b"select count(distinct job_id) from chaos.changes where job_id = any(%s)"
                b" and state in ('succeeded', 'failed', 'cancelled', 'skipped')",
                (wanted := list(set(ids)),),
            ).fetchone()
        assert row is not None
        return len(wanted) - int(row[0])

    def until(self, look: Callable[[], T], good: Callable[[T], object], *, within: float = 30.0) -> T:
        """Look until what is seen is good, and return it; a wait for other processes, bounded."""
        end = time.monotonic() + within
        seen = look()
        while not good(seen):
            assert time.monotonic() < end, f"still {seen!r}\n{self.last_words()}"
            time.sleep(0.02)
            seen = look()
        return seen

    def last_words(self) -> str:
        """Return the last lines of every process."""
        tails = (path.read_text(errors="replace").splitlines()[-15:] for path in sorted(self.folder.glob("*.log")))
        return "\n".join(line for tail in tails for line in tail)

    def _end_all(self) -> None:
        for one in self._started:
            one.kill()

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"http://127.0.0.1:{self._port}/health").is_success
        except httpx2.HTTPError:
            return False

    def _workers(self) -> list[dict[str, Any]]:
        answer = self.http.get("/api/v1/workers")
        return list(answer.json()["data"]) if answer.is_success else []

    def _send(self, node: str, number: int) -> None:
        worker = self.workers[node]
        worker.send(number)
        for child in worker.family():
            child.send_signal(number)

    def _common(self) -> dict[str, str]:
        ledger = self.proxies["postgres"]
        mailbox = (
            {} if self._redis_url is None else {"PHAROS_REDIS_URL": self.proxies["redis"].through(self._redis_url)}
        )
        return {
            "PHAROS_WORKER_TOKEN": WORKER,
            "PHAROS_DATABASE_URL": ledger.through(self.app_url),
            "PHAROS_KEEPER_DATABASE_URL": ledger.through(self._url("pharos_keeper", KEEPER_PASSWORD)),
            "PHAROS_TIME_SCALE": str(self.scale),
            **mailbox,
            **self._settings,
        }

    def _redis(self) -> redis.Redis:
        assert self._redis_url is not None
        return redis.Redis.from_url(self._redis_url)

    def _url(self, role: str, password: SecretStr) -> str:
        return self._postgres.role_url(role, password.get_secret_value(), self._database)
