"""The budget, counted by Redis and Postgres themselves: a job, an idle hour, and an hour that somebody watches.

Workers are processes of the product whose compute process learns nothing, so that a hundred jobs take seconds.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import psycopg
import pytest

from pharos.stack.postgres import EmbeddedPostgres
from pharos.stack.processes import Child
from pharos.stack.redis import EmbeddedRedis, find_redis_program
from tests.acceptance.counted import SET_UP, Books, asked, settled
from tests.acceptance.stack import Stack
from tests.faults.nursery import Nursery
from tests.integration.ledger_world import KEEPER_PASSWORD
from tests.upstash.server import Upstash, serve_upstash

#: An hour in 72 s.
SCALE = "0.02"
_HOUR = 3600 * float(SCALE)
_JOBS = 60
#: What the free plans bear.
PER_JOB, PER_WORKER_HOUR = 25, 60

Transport = Literal["tcp", "rest"]
#: How an idle worker waits, or looks.
_WAIT: dict[Transport, str] = {"tcp": "blpop", "rest": "lmpop"}


class House:
    """A stack with workers in milliseconds, and the books of a Redis that nobody else uses."""

    def __init__(self, stack: Stack, nursery: Nursery, books: Books, upstash: Upstash) -> None:
        self.stack = stack
        self.books = books
        self._nursery = nursery
        self._rest = {
            "PHAROS_REDIS_URL": "",
            "PHAROS_REDIS_REST_URL": upstash.url,
            "PHAROS_REDIS_TOKEN": upstash.token,
        }
        self._settings = {"PHAROS_TIME_SCALE": SCALE}

    def start_plane(self, transport: Transport) -> Child:
        """Start the control plane; it and its workers reach Redis by ``transport``."""
        self._settings |= self._rest if transport == "rest" else {}
        return self.stack.start_plane(**self._settings, PHAROS_QUEUE_CAP="1000")

    def start_workers(self, **nodes: dict[str, str]) -> None:
        """Start workers by node, each with settings of its own, and return when the plane has heard them."""
        for node, settings in nodes.items():
            given = {**self._settings, "PHAROS_DEVICE": "auto", **settings}
            self._nursery.start_worker(
                self.stack.folder / f"worker-{node}.log", **self.stack.worker_settings(node, **given)
            )
        self.stack.until(self.ready, lambda ready: ready == len(nodes))

    def ready(self) -> int:
        """Return how many workers are there and do nothing."""
        workers = self.stack.http.get("/api/v1/workers").json()["data"]
        return sum(worker["state"] == "ready" for worker in workers)

    def ask(self, name: str, **body: object) -> str:
        """Submit a repository and return its job."""
        asked = {"url": f"https://github.com/fine/{name}", "epochs": 1, **body}
        answer = self.stack.http.post("/api/v1/ingestion/ingest", json=asked)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["data"]["job_id"])

    def figure(self, name: str) -> float:
        """Return a figure of the plane's own."""
        text = self.stack.http.get("/metrics").text
        return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))

    def miscounted(self, transport: Transport) -> float:
        """Return how many commands more than Redis the plane has counted."""
        greetings, spent = _split(self.books.commands())
        # Over REST it is the server in between that greets Redis; nobody is billed for that.
        told = sum(spent.values()) + (sum(greetings.values()) if transport == "tcp" else 0)
        return self.figure("pharos_month_redis_commands") - told


@pytest.fixture
def house(tmp_path: Path, postgres_server: EmbeddedPostgres, require: Callable[[str], None]) -> Iterator[House]:
    """A stack on a Redis of its own; nothing is started but that."""
    require("redis")
    program = find_redis_program()
    assert program is not None
    with (
        EmbeddedRedis(tmp_path / "redis", program=program) as server,
        serve_upstash(server.url) as upstash,
        Books(server.url) as books,
    ):
        stack = Stack(tmp_path, postgres_server, server.url)
        try:
            with Nursery() as nursery:
                yield House(stack, nursery, books, upstash)
        finally:
            stack.close()


def _split(spent: Counter[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Tell apart what connections say of themselves, and the rest."""
    greetings = {name: count for name, count in spent.items() if name in SET_UP}
    return greetings, {name: count for name, count in spent.items() if name not in SET_UP}


@pytest.mark.parametrize("transport", ["tcp", "rest"])
@pytest.mark.parametrize("together", [False, True], ids=["one-by-one", "at-once"])
def test_a_job_costs_few_commands(
    house: House, together: bool, transport: Transport, record_property: Callable[[str, object], None]
) -> None:
    """From submit to end a job costs 25 commands at most, all of them counted, and the plane's own count is Redis'."""
    house.start_plane(transport)
    house.start_workers(den={}, attic={}, cellar={})
    before = house.books.commands()

    jobs = []
    for number in range(_JOBS):
        jobs.append(house.ask(f"repository-{number}", priority=("low", "normal", "high", "urgent")[number % 4]))
        if not together:
            house.stack.wait(jobs[-1])
    ended = [house.stack.wait(job)["state"] for job in jobs]
    house.stack.until(house.ready, lambda ready: ready == 3)

    greetings, spent = _split(house.books.commands() - before)
    each = sum(spent.values()) / _JOBS
    record_property("per_job", each)
    print(f"\n{each:.2f} commands a job {spent}; connections, apart: {greetings}")
    assert set(ended) == {"succeeded"}
    assert each <= PER_JOB, spent
    # Three workers with two connections each and the plane's: they do not come anew with jobs.
    assert sum(greetings.values()) <= 40, greetings

    # A wait that has begun was sent; Redis books it when it is over.
    house.stack.until(lambda: house.miscounted(transport), lambda found: 0 <= found <= 3, within=20)


def test_a_restart_forgets_no_command(house: House) -> None:
    """The next plane goes on with the month: no command of a worker is lost or counted twice, nor is Postgres' time."""
    plane = house.start_plane("tcp")
    house.start_workers(den={}, attic={})
    for number in range(5):
        house.stack.wait(house.ask(f"repository-{number}"))
    house.stack.until(lambda: house.miscounted("tcp"), lambda found: 0 <= found <= 2, within=20)
    awake = house.figure("pharos_month_postgres_awake_seconds")

    plane.stop()
    house.start_plane("tcp")
    house.stack.until(house.ready, lambda ready: ready == 2)

    # The note itself is the last command of the old plane, and the one that it does not tell.
    house.stack.until(lambda: house.miscounted("tcp"), lambda found: -1 <= found <= 2, within=20)
    assert house.figure("pharos_month_postgres_awake_seconds") >= awake > 0


@pytest.mark.parametrize(("transport", "hours"), [("tcp", 1.0), ("rest", 0.25)], ids=["tcp", "rest"])
def test_an_idle_hour_costs_next_to_nothing(
    house: House,
    transport: Transport,
    hours: float,
    postgres_server: EmbeddedPostgres,
    record_property: Callable[[str, object], None],
) -> None:
    """An hour of three workers and a watched page: each worker waits a dozen times, and nobody does anything else.

    However many lanes a worker waits on, and whatever it can do; Postgres is asked nothing at all.
    """
    house.start_plane(transport)
    _leave_waiting(house, postgres_server)
    house.start_workers(
        attic={"PHAROS_KINDS": "ingest", "PHAROS_DEVICE": "cpu", "PHAROS_MEMORY": "1"},
        den={"PHAROS_GPU_MEMORY": "24", "PHAROS_MEMORY": "64", "PHAROS_MODELS": "small,large"},
        cellar={},
    )
    asleep = settled(postgres_server, house.stack.database)
    before, heard = house.books.commands(), len(house.books.heard)

    looks = _watch(house, _HOUR * hours)

    _, spent = _split(house.books.commands() - before)
    waits = Counter(len(words) for _, words in house.books.heard[heard:] if words[0].lower() == _WAIT[transport])
    each = sum(spent.values()) / 3 / hours
    record_property("per_worker_hour", each)
    print(f"\n{each:.1f} commands a worker-hour {spent}, by words {waits}, while the page was read {looks} times")
    assert each <= PER_WORKER_HOUR
    assert set(spent) == {_WAIT[transport]}, "the page, the plane, or something but a wait costs commands"
    # The three wait on three different sets of lanes.
    assert len(waits) == 3
    assert max(waits) >= 5 * min(waits)
    assert max(waits.values()) - min(waits.values()) <= 1, "who waits on more lanes sends more"
    assert asked(postgres_server, house.stack.database).since(asleep) == (frozenset(), 0)
    house.ask("one-more")
    assert asked(postgres_server, house.stack.database).since(asleep) != (frozenset(), 0)


def _leave_waiting(house: House, server: EmbeddedPostgres) -> None:
    """Leave jobs with all sorts of needs in the queue that are not due: their lanes exist, and nobody may run them."""
    for number, needs in enumerate(
        [{"gpu": True}, *({"gpu_memory": size} for size in (2, 6, 8, 12)), {"memory": 32}, {"model": "small"}]
    ):
        house.ask(f"later-{number}", needs=needs)
    keeper = server.role_url("pharos_keeper", KEEPER_PASSWORD.get_secret_value(), house.stack.database)
    with psycopg.connect(keeper) as link:
        changed = link.execute("update pharos.jobs set run_after = now() + interval '1 day'")
    assert changed.rowcount == 7


def _watch(house: House, seconds: float) -> int:
    """Read all that a page and a person at a terminal read, as often as they do, and return how often."""
    looks, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        for path in ("/ui/board", "/api/v1/ingestion/worker/status", "/api/v1/usage", "/api/v1/workers", "/metrics"):
            assert house.stack.http.get(path).status_code == 200
        looks += 1
        time.sleep(2 * float(SCALE))
    assert house.ready() == 3
    return looks
