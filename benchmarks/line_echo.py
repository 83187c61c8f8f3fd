"""How fast and how heavy the line is: echoes through one held line, and the memory of a hundred.

    .venv/bin/python -m benchmarks.line_echo [echoes of each caller]

A real control plane without Redis or Postgres behind it; a worker's half of the line spoken by hand in a process of its
own, behind a proxy that holds each piece back for half of a round trip; callers that reach the plane directly. Prints
the resident bytes of each held line, then p50 and p95 in milliseconds for each round trip, number of callers and pace.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import secrets
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

import psutil
import uvloop

from benchmarks.plain_http import Plain
from pharos.stack.ports import free_port
from pharos.stack.processes import start_python
from pharos.stack.ready import wait_for_http
from shared.ledger.migrate import latest_version
from shared.nodes.capabilities import Capabilities
from shared.nodes.heartbeat import Heartbeat
from shared.nodes.line import ACKNOWLEDGEMENTS_PATH, ANSWERS_PATH, LINE_PATH
from shared.timing import Timing
from tests.faults.proxy import FaultProxy

ADMIN, WORKER = "a" * 32, "w" * 32
#: Seconds there and back.
ROUND_TRIPS = (0.0, 0.06)
CALLERS = (1, 16)
LINES = 100
#: How often a caller asks in a second, who waits for each answer as a person does.
RATE = 10.0
#: Connections on which a worker answers.
HANDS = 64


@contextmanager
def a_plane(folder: Path) -> Iterator[tuple[int, psutil.Process]]:
    """Run a control plane on a free port."""
    port = free_port()
    settings = {
        "MODE": "CLOUD",
        "PORT": str(port),
        "PHAROS_ADMIN_TOKEN": ADMIN,
        "PHAROS_WORKER_TOKEN": WORKER,
        "PHAROS_DATABASE_URL": "postgresql://pharos_app:x@127.0.0.1:1/pharos",
        "PHAROS_KEEPER_DATABASE_URL": "postgresql://pharos_keeper:x@127.0.0.1:1/pharos",
    }
    with start_python("cloud_api", log=folder / "cloud.log", env=settings) as child:
        wait_for_http(f"http://127.0.0.1:{port}/health", child)
        yield port, psutil.Process(child.pid)


@contextmanager
def a_worker(port: int, round_trip: float) -> Iterator[None]:
    """Hold a line and answer every request at once, so far away. Worker and distance have a process each."""
    context = multiprocessing.get_context("spawn")
    opened, ports = context.Event(), context.Queue()
    between = context.Process(target=_delay, args=(port, round_trip, ports), daemon=True)
    if round_trip:
        between.start()
        port = ports.get(timeout=30)
    worker = context.Process(target=_work, args=(port, opened), daemon=True)
    worker.start()
    if not opened.wait(30):
        raise SystemExit("the line did not open")
    yield
    worker.kill()
    if round_trip:
        between.kill()


def _delay(port: int, round_trip: float, ports: multiprocessing.Queue[int]) -> None:
    with FaultProxy(("127.0.0.1", port)) as between:
        between.latency = round_trip / 2
        ports.put(between.port)
        threading.Event().wait()


def _work(port: int, opened: Event) -> None:
    uvloop.run(_serve(port, opened))


async def _serve(port: int, opened: Event) -> None:
    line, hands = await _connected(port), asyncio.Queue[Plain]()
    for _ in range(HANDS):
        hands.put_nowait(await _connected(port))
    worker = f"bench.{secrets.token_hex(6)}"

    async def answer(data: dict[str, object]) -> None:
        hand = await hands.get()
        await hand.post(ANSWERS_PATH, {"worker": worker, "id": data["id"], "body": data["body"]})
        hands.put_nowait(hand)

    async with asyncio.TaskGroup() as tasks:
        async for name, data in line.events(f"{LINE_PATH}?worker={worker}"):
            if name == "hello":
                hand = await hands.get()
                await hand.post(ACKNOWLEDGEMENTS_PATH, {"worker": worker, "id": data["id"]})
                hands.put_nowait(hand)
                tasks.create_task(_beat(port, worker, opened))
            elif name == "request":
                tasks.create_task(answer(data))


async def _beat(port: int, worker: str, opened: Event) -> None:
    plain = await _connected(port)
    while True:
        await plain.post("/api/v1/workers/heartbeat", _heartbeat(worker))
        opened.set()
        await asyncio.sleep(Timing().heartbeat)


async def _connected(port: int, token: str = WORKER) -> Plain:
    plain = Plain(port, token)
    await plain.connect()
    return plain


def _heartbeat(worker: str) -> object:
    said = Heartbeat(
        worker=worker,
        version="0",
        schema_version=latest_version(),
        capabilities=Capabilities(node="bench", cpus=1),
        line="open",
    )
    return json.loads(said.model_dump_json())


async def echoes(port: int, *, callers: int, each: int, rate: float) -> list[float]:
    """Return the milliseconds of ``each`` echoes of so many callers side by side.

    A caller asks ``rate`` times a second, measured from the moment when it was to ask, so that one slow answer shows in
    all that it held up; with a rate of 0, again as soon as it is answered.
    """
    lines = [await _connected(port, ADMIN) for _ in range(callers)]
    gap = 1 / rate if rate else 0.0
    found = await asyncio.gather(*(_call(line, each, gap, gap * n / callers) for n, line in enumerate(lines)))
    for line in lines:
        line.close()
    return [one for caller in found for one in caller]


async def _call(http: Plain, number: int, gap: float, first: float) -> list[float]:
    found, due = [], time.perf_counter() + first
    for _ in range(number):
        now = time.perf_counter()
        due = max(due, now) if not gap else due
        await asyncio.sleep(due - now)
        await http.post("/api/v1/workers/bench/echo", {"text": "hello"})
        found.append((time.perf_counter() - due) * 1000)
        due += gap
    return found


async def weight(port: int, plane: psutil.Process) -> float:
    """Return the bytes that stay resident for each of a hundred held lines."""
    # What the first lines make the process load stays, and is no line's own.
    for line in await _held(port, LINES // 5):
        line.close()
    await asyncio.sleep(0.5)
    before = plane.memory_info().rss
    lines = await _held(port, LINES)
    each = (plane.memory_info().rss - before) / LINES
    for line in lines:
        line.close()
    return each


async def _held(port: int, number: int) -> list[Plain]:
    hand, lines = await _connected(port), []
    for _ in range(number):
        worker, line = f"bench.{secrets.token_hex(6)}", await _connected(port)
        _, hello = await anext(line.events(f"{LINE_PATH}?worker={worker}"))
        await hand.post(ACKNOWLEDGEMENTS_PATH, {"worker": worker, "id": hello["id"]})
        lines.append(line)
    hand.close()
    return lines


def report(port: int, plane: psutil.Process, *, round_trip: float, callers: int, each: int, rate: float) -> None:
    """Measure one row and print it."""
    spent, began = sum(plane.cpu_times()[:2]), time.perf_counter()
    found = uvloop.run(echoes(port, callers=callers, each=each, rate=rate))
    spent, took = sum(plane.cpu_times()[:2]) - spent, time.perf_counter() - began
    half, high = statistics.median(found), statistics.quantiles(found, n=20)[-1]
    print(
        f"{round_trip * 1000:>7.0f} ms  {callers:>7}  {f'{rate:.0f}/s each' if rate else 'flat out':>9}"
        f"  {len(found) / took:>8.0f}  {half:>6.1f}  {high:>6.1f}  {15 + round_trip * 1000:>5.0f}"
        f"  {spent / len(found) * 1000:>11.2f}"
    )


def main() -> None:
    """Measure and print."""
    each = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as folder, a_plane(Path(folder)) as (port, plane):
        print(f"{LINES} held lines: {asyncio.run(weight(port, plane)) / 1024:.1f} KB each")
        print("round trip  callers      asking  a second  p50 ms  p95 ms  limit  CPU ms each")
        for round_trip in ROUND_TRIPS:
            with a_worker(port, round_trip):
                for callers in CALLERS:
                    for rate in (RATE, 0.0):
                        report(port, plane, round_trip=round_trip, callers=callers, each=each, rate=rate)


if __name__ == "__main__":
    main()
