"""Two ways to one Redis: a socket where it connects, HTTPS where port 6379 is blocked."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest
import redis
from mailbox_places import LANES, WORKER, free_port
from pydantic import SecretStr
from structlog.testing import capture_logs

from shared.errors import MailboxUnavailable
from shared.ids import new_job_id
from shared.mailbox.addresses import find_addresses
from shared.mailbox.lanes import Mailbox
from shared.mailbox.opening import find_ways, open_mailbox
from shared.mailbox.ways import AGAIN, Ways
from shared.settings import SharedSettings

if TYPE_CHECKING:
    from upstash.server import Upstash

pytestmark = pytest.mark.usefixtures("redis_link")


@contextmanager
def black_hole() -> Iterator[int]:
    """Yield a port that accepts and never says a word, as a firewall in between may."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def relay(port: int, to: int) -> Iterator[None]:
    """Pass bytes from ``port`` on to another until the block ends: the port is open after all."""
    links: list[socket.socket] = []
    server = socket.create_server(("127.0.0.1", port))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        sink.close()

    def accept() -> None:
        while True:
            try:
                near, _ = server.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", to))
            links.extend((near, far))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield
    finally:
        # shutdown() wakes the accept; close() alone would leave the port open until somebody comes.
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        for link in links:
            link.close()


class House:
    """A mailbox with two ways, on a clock that is moved by hand."""

    def __init__(self, redis_url: SecretStr, port: int | None, upstash: Upstash) -> None:
        self.port = int(redis_url.get_secret_value().rpartition(":")[2].partition("/")[0])
        self.now = 0.0
        url = SecretStr(redis_url.get_secret_value().replace(f":{self.port}/", f":{port or self.port}/"))
        found = find_addresses(url, upstash.url, SecretStr(upstash.token))
        assert found is not None
        self.ways: Ways = find_ways(found, wait=5, patience=0.6)
        self.ways._clock = lambda: self.now
        self.box = Mailbox(self.ways)


@pytest.fixture
def make_house(redis_url: SecretStr, upstash: Upstash) -> Iterator[Callable[[int | None], House]]:
    """Make a house whose socket leads to a port, or to Redis itself."""
    made: list[House] = []

    def make(port: int | None) -> House:
        made.append(House(redis_url, port, upstash))
        return made[-1]

    yield make
    for house in made:
        house.box.close()


def _until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_socket_that_connects_is_taken(make_house: Callable[[int | None], House], upstash: Upstash) -> None:
    """With both ways open everything goes over the socket; nothing is known before the first command."""
    house = make_house(None)
    before = house.box.transport
    job_id = new_job_id()

    house.box.push([(job_id, "ingest", 60)])

    assert (before, house.box.transport, house.box.blocks) == (None, "tcp", True)
    assert house.box.take(LANES, worker=WORKER, wait=1) == job_id
    assert upstash.requests == []


@pytest.mark.parametrize("kind", ["refused", "swallowed"])
def test_rest_takes_over_by_itself(
    make_house: Callable[[int | None], House], upstash: Upstash, redis_link: redis.Redis, kind: str
) -> None:
    """Where the port refuses or swallows, the same call goes over REST, and the log says it once."""
    with black_hole() as hole, capture_logs() as entries:
        house = make_house(hole if kind == "swallowed" else free_port())
        begun = time.monotonic()

        for _ in range(3):
            house.box.push([(new_job_id(), "ingest", 60)])

        assert time.monotonic() - begun < 3
    assert (house.box.transport, house.box.blocks) == ("rest", False)
    assert redis_link.llen("rq:queue:ingest") == 3
    said = [(entry["event"], entry["transport"]) for entry in entries if entry["log_level"] == "warning"]
    assert said == [("mailbox_transport_changed", "rest")]


def test_commands_of_both_ways_are_counted_together(
    make_house: Callable[[int | None], House], upstash: Upstash
) -> None:
    """A try of the socket and what went over REST are one count."""
    with black_hole() as hole:
        house = make_house(hole)

        house.box.push([(new_job_id(), "ingest", 60)])

    # The password was handed to the port that swallows.
    assert house.box.commands == upstash.commands + 1 == 5


def test_the_socket_is_taken_again_after_a_while(make_house: Callable[[int | None], House], upstash: Upstash) -> None:
    """Ten minutes later the port is tried beside a command that comes by, and taken when it is open."""
    port = free_port()
    house = make_house(port)
    house.box.ping()
    with relay(port, house.port), capture_logs() as entries:
        house.now += AGAIN - 1
        house.box.ping()
        early = house.box.transport
        house.now += 1

        house.box.ping()
        _until(lambda: house.box.transport == "tcp")

        asked = len(upstash.requests)
        house.box.ping()
    assert (early, len(upstash.requests) - asked) == ("rest", 0)
    assert [entry["transport"] for entry in entries if entry["event"] == "mailbox_transport_changed"] == ["tcp"]


def test_a_port_that_is_blocked_still_holds_nobody_up(make_house: Callable[[int | None], House]) -> None:
    """The try after ten minutes takes no time of the command that it comes with."""
    with black_hole() as hole:
        house = make_house(hole)
        house.box.ping()
        house.now += AGAIN
        begun = time.monotonic()

        house.box.ping()

        assert time.monotonic() - begun < 0.5
        _until(lambda: not house.ways._knocking)
    assert house.box.transport == "rest"


def test_nothing_is_tried_while_nothing_is_sent(make_house: Callable[[int | None], House], upstash: Upstash) -> None:
    """An idle mailbox sends nothing over either way, however long it is idle."""
    house = make_house(free_port())
    house.box.ping()
    threads, asked = threading.active_count(), len(upstash.requests)

    house.now += 10 * AGAIN

    assert (threading.active_count(), len(upstash.requests)) == (threads, asked)


def test_a_socket_that_breaks_is_followed_by_rest(make_house: Callable[[int | None], House], upstash: Upstash) -> None:
    """A link that breaks in use fails its call, since that may have arrived; the next call goes over REST."""
    port = free_port()
    house = make_house(port)
    with relay(port, house.port):
        house.box.push([(new_job_id(), "ingest", 60)])
        before = house.box.transport

    with pytest.raises(MailboxUnavailable):
        house.box.push([(new_job_id(), "ingest", 60)])
    house.box.push([(new_job_id(), "ingest", 60)])

    assert (before, house.box.transport) == ("tcp", "rest")


def test_a_rest_that_fails_is_followed_by_the_socket(
    make_house: Callable[[int | None], House], upstash: Upstash
) -> None:
    """When REST fails the port is tried again at once, not after ten minutes."""
    port = free_port()
    house = make_house(port)
    house.box.ping()
    upstash.used_up = True
    with pytest.raises(MailboxUnavailable):
        house.box.ping()

    with relay(port, house.port):
        house.box.ping()

        assert house.box.transport == "tcp"


def test_a_refused_command_changes_no_way(
    make_house: Callable[[int | None], House], upstash: Upstash, redis_link: redis.Redis
) -> None:
    """An answer that says no came over a way that works: the socket stays, and is not tried anew."""
    house = make_house(None)
    redis_link.set("rq:queue:ingest", "not a list")
    with pytest.raises(MailboxUnavailable):
        house.box.push([(new_job_id(), "ingest", 60)])
    begun = house.box.commands

    house.box.ping()

    assert (house.box.transport, house.box.commands - begun, upstash.requests) == ("tcp", 1, [])


def test_neither_way_is_told_in_time(make_house: Callable[[int | None], House], upstash: Upstash) -> None:
    """With both ways closed every call is MailboxUnavailable within two patiences."""
    with black_hole() as hole:
        house = make_house(hole)
        upstash.cut = "before"
        for _ in range(2):
            begun = time.monotonic()

            with pytest.raises(MailboxUnavailable):
                house.box.push([(new_job_id(), "ingest", 60)])

            assert time.monotonic() - begun < 3


def _settings(**given: object) -> SharedSettings:
    return SharedSettings(
        worker_token="w" * 16,  # type: ignore[arg-type]
        database_url="postgresql://nowhere",  # type: ignore[arg-type]
        keeper_database_url="postgresql://nowhere",  # type: ignore[arg-type]
        **given,  # type: ignore[arg-type]
    )


def test_no_address_is_no_mailbox() -> None:
    """Without a Redis there is no mailbox."""
    assert open_mailbox(_settings(), wait=1) is None


@pytest.mark.parametrize(
    ("names", "transport"),
    [
        (("redis_url",), "tcp"),
        (("redis_url", "redis_rest_url"), None),
        (("redis_rest_url",), "rest"),
    ],
    ids=["socket", "both", "rest"],
)
def test_both_houses_open_the_same_mailbox(
    redis_url: SecretStr, upstash: Upstash, names: tuple[str, ...], transport: str | None
) -> None:
    """The settings alone say by which ways; every one of them leads to the same lanes."""
    given = {"redis_url": redis_url, "redis_rest_url": upstash.url, "redis_token": SecretStr(upstash.token)}
    box = open_mailbox(_settings(redis_token=given["redis_token"], **{name: given[name] for name in names}), wait=1)
    assert box is not None
    job_id = new_job_id()

    with closing(box):
        before = box.transport
        box.push([(job_id, "ingest", 60)])
        taken = box.take(["ingest"], worker=WORKER, wait=1)

    assert (before, taken) == (transport, job_id)
