"""The mailbox: ids on lanes, and nothing else."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from pydantic import SecretStr
from rq import Queue
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer

from shared.errors import ConfigurationError, MailboxUnavailable
from shared.ids import new_job_id
from shared.mailbox.connection import connect
from shared.mailbox.lanes import Mailbox

WORKER = "den.0123456789ab"
LANES = ("node:den@urgent", "ingest@urgent", "node:den", "ingest+gpu6", "ingest")


def _commands(link: redis.Redis) -> dict[str, int]:
    """Return how often each command was called, without those that ask for it."""
    stats = link.info("commandstats")
    return {
        name.removeprefix("cmdstat_"): figures["calls"]
        for name, figures in stats.items()
        if not name.startswith(("cmdstat_info", "cmdstat_hello", "cmdstat_client", "cmdstat_auth", "cmdstat_config"))
    }


def _until_blocked(link: redis.Redis) -> None:
    """Return when somebody waits for an id."""
    end = time.monotonic() + 10
    while not link.info("clients")["blocked_clients"]:
        assert time.monotonic() < end, "nobody began to wait"


def _until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end


def test_ids_come_in_the_order_they_were_put(mailbox: Mailbox) -> None:
    """A lane is first in, first out."""
    ids = [new_job_id() for _ in range(3)]
    for job_id in ids:
        mailbox.push(job_id, "ingest", ttl=60)

    taken = [mailbox.take(["ingest"], worker=WORKER, wait=1) for _ in ids]

    assert taken == ids
    assert mailbox.waiting(["ingest"]) == frozenset()


def test_lanes_come_in_the_order_they_were_named(mailbox: Mailbox) -> None:
    """The most urgent lane is emptied first, whenever its ids were put on it."""
    ids = {lane: new_job_id() for lane in reversed(LANES)}
    for lane, job_id in ids.items():
        mailbox.push(job_id, lane, ttl=60)

    taken = [mailbox.take(LANES, worker=WORKER, wait=1) for _ in LANES]

    assert taken == [ids[lane] for lane in LANES]


def test_other_lanes_are_left_alone(mailbox: Mailbox) -> None:
    """A worker takes from its own lanes alone."""
    job_id = new_job_id()
    mailbox.push(job_id, "node:attic", ttl=60)
    mailbox.wake(WORKER)

    assert mailbox.take(LANES, worker=WORKER, wait=1) is None
    assert mailbox.waiting(["node:attic", *LANES]) == {job_id}
    assert mailbox.waiting([]) == frozenset()


def test_each_id_is_taken_once(mailbox: Mailbox, redis_url: SecretStr) -> None:
    """Forty ids on a lane from which eight workers take go to one worker each."""
    ids = [new_job_id() for _ in range(40)]
    for job_id in ids:
        mailbox.push(job_id, "ingest", ttl=60)
    box = Mailbox(connect(redis_url, wait=5))

    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda n: box.take(["ingest"], worker=f"den.{n:012x}", wait=1), range(40)))

    box.close()
    assert sorted(taken) == sorted(ids)  # type: ignore[type-var]  # a None among them is what would fail here


def test_wake_ends_a_wait(mailbox: Mailbox, redis_link: redis.Redis) -> None:
    """A worker that waits looks up at once when it is woken; another one waits on."""
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(mailbox.take, LANES, worker=WORKER, wait=30)
        _until_blocked(redis_link)
        Mailbox(redis_link).wake("den.ffffffffffff")
        Mailbox(redis_link).wake(WORKER)

        assert waiting.result(timeout=10) is None

    assert redis_link.llen(f"pharos:wake:{WORKER}") == 0
    assert redis_link.llen("pharos:wake:den.ffffffffffff") == 1


def test_wake_is_forgotten(mailbox: Mailbox, redis_link: redis.Redis) -> None:
    """A wake for a worker that never comes back does not stay."""
    mailbox.wake(WORKER)

    assert 0 < redis_link.ttl(f"pharos:wake:{WORKER}") <= 60


def test_id_arrives_while_somebody_waits(mailbox: Mailbox, redis_link: redis.Redis) -> None:
    """A push reaches a worker that is waiting already."""
    job_id = new_job_id()

    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(mailbox.take, LANES, worker=WORKER, wait=30)
        _until_blocked(redis_link)
        Mailbox(redis_link).push(job_id, "ingest", ttl=60)

        assert waiting.result(timeout=10) == job_id


def test_hang_up_ends_a_wait(mailbox: Mailbox, redis_link: redis.Redis) -> None:
    """Another thread can end a wait, and the mailbox works on afterwards."""
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(mailbox.take, LANES, worker=WORKER, wait=30)
        _until_blocked(redis_link)
        mailbox.hang_up()

        with pytest.raises(MailboxUnavailable):
            waiting.result(timeout=10)

    job_id = new_job_id()
    mailbox.push(job_id, "ingest", ttl=60)
    assert mailbox.take(LANES, worker=WORKER, wait=1) == job_id


def test_rq_knows_what_was_pushed(mailbox: Mailbox, redis_link: redis.Redis) -> None:
    """RQ's own tools find the queue, the id on it and its record."""
    job_id = new_job_id()

    mailbox.push(job_id, "ingest+gpu6", ttl=90)

    queue = Queue("ingest+gpu6", connection=redis_link, serializer=JSONSerializer)
    record = RqJob.fetch(job_id, connection=redis_link, serializer=JSONSerializer)
    assert queue in Queue.all(connection=redis_link, serializer=JSONSerializer)
    assert queue.job_ids == [job_id]
    assert (record.id, record.origin, list(record.args)) == (job_id, "ingest+gpu6", [job_id])
    assert record.get_status() == "queued"
    assert record.func_name == "pharos.job"


@pytest.mark.parametrize(("ttl", "expected"), [(90.0, 90), (0.2, 1), (None, -1)])
def test_record_lives_for_the_ttl(mailbox: Mailbox, redis_link: redis.Redis, ttl: float | None, expected: int) -> None:
    """Redis forgets RQ's record after the ttl, at the earliest after a second; without one it stays."""
    job_id = new_job_id()

    mailbox.push(job_id, "ingest", ttl=ttl)

    left = redis_link.ttl(RqJob.key_for(job_id))
    assert expected - 2 < left <= expected


def test_record_goes_with_its_id(mailbox: Mailbox, redis_link: redis.Redis) -> None:
    """Nothing of a job stays in Redis once its id was taken."""
    job_id = new_job_id()
    mailbox.push(job_id, "ingest", ttl=90)

    mailbox.take(["ingest"], worker=WORKER, wait=1)

    assert not redis_link.exists(RqJob.key_for(job_id))


@pytest.fixture
def forbidden(redis_link: redis.Redis, redis_url: SecretStr) -> Iterator[Mailbox]:
    """A mailbox whose Redis user may do everything but delete."""
    redis_link.acl_setuser("keeps", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-del"])
    box = Mailbox(connect(SecretStr(redis_url.get_secret_value().replace("redis://", "redis://keeps:x@")), wait=5))
    yield box
    box.close()
    redis_link.acl_deluser("keeps")


def test_taken_id_is_not_lost_with_its_record(forbidden: Mailbox, mailbox: Mailbox, redis_link: redis.Redis) -> None:
    """An id that is off its lane is returned even when the record of it cannot be deleted; that ends with its ttl."""
    job_id = new_job_id()
    mailbox.push(job_id, "ingest", ttl=90)

    taken = forbidden.take(["ingest"], worker=WORKER, wait=1)

    assert taken == job_id
    assert 0 < redis_link.ttl(RqJob.key_for(job_id)) <= 90


class _Torn(redis.Redis):
    """A driver whose link is broken under it in mid-call."""

    failure: Exception

    def execute_command(self, *_: object, **__: object) -> object:
        """Fail as the driver does when its socket is gone."""
        raise self.failure


@pytest.mark.parametrize(
    "failure",
    [
        AttributeError("'NoneType' object has no attribute 'recv'"),
        TypeError("cannot unpack non-iterable int object"),
        ValueError("I/O operation on closed file."),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_link_that_is_torn_is_told_as_unavailable(failure: Exception) -> None:
    """What the driver makes of a link that another thread broke is MailboxUnavailable, with the error's name."""
    torn = _Torn()
    torn.failure = failure

    with pytest.raises(MailboxUnavailable) as error:
        Mailbox(torn).take(LANES, worker=WORKER, wait=1)

    assert error.value.details == {"cause": type(failure).__name__}
    assert error.value.__cause__ is failure


def test_redis_holds_ids_alone(mailbox: Mailbox, redis_link: redis.Redis) -> None:
    """Of a job nothing but its id and its lane is in Redis."""
    job_id = new_job_id()

    mailbox.push(job_id, "ingest", ttl=90)

    record = {name: value for name, value in redis_link.hgetall(RqJob.key_for(job_id)).items() if value}
    assert set(record) == {b"created_at", b"enqueued_at", b"data", b"description", b"origin", b"status"}
    assert record[b"description"] == f"pharos.job('{job_id}')".encode()
    assert sum(len(value) for value in record.values()) < 500


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"os.system",
        b"job_" + b"0" * 25,
        b"job_" + b"0" * 27,
        b"job_" + b"0" * 26 + b"\n",
        b"JOB_" + b"0" * 26,
        b"job_" + b"i" * 26,
        b"../../etc/passwd",
        b"wake",
        b"\x00\xff\xfe\x80" * 9,
        b"x" * 100_000,
        b'{"id": "job_00000000000000000000000000"}',
        "jöb_".encode() + b"0" * 26,
    ],
    ids=lambda entry: repr(entry[:20]),
)
def test_what_is_no_id_is_dropped(mailbox: Mailbox, redis_link: redis.Redis, entry: bytes) -> None:
    """Whatever somebody else put on a lane is taken off it, not believed, and hides nothing behind it."""
    job_id = new_job_id()
    redis_link.rpush("rq:queue:ingest", entry)
    mailbox.push(job_id, "ingest", ttl=60)

    taken = [mailbox.take(["ingest"], worker=WORKER, wait=1) for _ in range(2)]

    assert taken == [None, job_id]


def test_hostile_entry_is_shown_as_waiting_without_harm(mailbox: Mailbox, redis_link: redis.Redis) -> None:
    """Looking over a lane with foreign bytes on it finds the ids."""
    job_id = new_job_id()
    mailbox.push(job_id, "ingest", ttl=60)
    redis_link.rpush("rq:queue:ingest", b"\xff\x00" * 50_000)

    assert job_id in mailbox.waiting(["ingest", "ingest@urgent"])


def test_wait_is_one_command_however_many_lanes(mailbox: Mailbox, redis_link: redis.Redis) -> None:
    """A wait that brings nothing costs Redis one command; two hundred lanes cost the same."""
    lanes = [f"ingest+gpu{size}" for size in range(200)]
    mailbox.ping()
    before = _commands(redis_link)

    taken = mailbox.take(lanes, worker=WORKER, wait=1)

    after = _commands(redis_link)
    assert taken is None
    assert {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)} == {
        "blpop": 1
    }


def test_push_of_a_lane_is_one_round_trip(mailbox: Mailbox, redis_link: redis.Redis) -> None:
    """A push costs four commands."""
    mailbox.ping()
    before = _commands(redis_link)

    mailbox.push(new_job_id(), "ingest", ttl=60)

    after = _commands(redis_link)
    assert sum(after.values()) - sum(before.values()) == 4


def test_notes_are_kept(mailbox: Mailbox) -> None:
    """A small document is read back as it was kept, and one that was not is none."""
    mailbox.keep_note("presence", '[{"name": "é"}]')

    assert mailbox.read_note("presence") == '[{"name": "é"}]'
    assert mailbox.read_note("other") is None


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


_CALLS: dict[str, Callable[[Mailbox], object]] = {
    "push": lambda box: box.push(new_job_id(), "ingest", ttl=60),
    "take": lambda box: box.take(["ingest"], worker=WORKER, wait=30),
    "wake": lambda box: box.wake(WORKER),
    "waiting": lambda box: box.waiting(["ingest"]),
    "ping": lambda box: box.ping(),
    "keep_note": lambda box: box.keep_note("presence", "[]"),
    "read_note": lambda box: box.read_note("presence"),
}


@pytest.mark.parametrize("call", _CALLS)
def test_redis_that_is_down_is_told_fast(call: str) -> None:
    """Without a Redis every call is MailboxUnavailable at once, and no password is in it."""
    box = Mailbox(connect(SecretStr(f"redis://:canary-password@127.0.0.1:{_free_port()}/0"), wait=30))
    begun = time.monotonic()

    with pytest.raises(MailboxUnavailable) as error:
        _CALLS[call](box)

    assert time.monotonic() - begun < 3
    assert "canary-password" not in f"{error.value} {error.value.details}"


def test_lost_answer_is_not_repeated_silently(mailbox: Mailbox) -> None:
    """A push whose answer was lost is told as lost: one call never puts an id on a lane twice."""
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def swallow() -> None:
            while True:
                try:
                    link, _ = server.accept()
                except OSError:
                    return
                with link:
                    requests.append(link.recv(65536))

        threading.Thread(target=swallow, daemon=True).start()
        box = Mailbox(connect(SecretStr(f"redis://127.0.0.1:{server.getsockname()[1]}/0"), wait=1))

        with pytest.raises(MailboxUnavailable):
            box.push(new_job_id(), "ingest", ttl=60)

    _until(lambda: requests)
    assert len(requests) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1", "127.0.0.1:6379", "file:///tmp/x", "", "redis:/x"])
def test_other_schemes_are_refused(url: str) -> None:
    """Only redis://, rediss:// and unix:// lead to a mailbox; the message names the variable, never the value."""
    with pytest.raises(ConfigurationError, match="PHAROS_REDIS_URL") as error:
        connect(SecretStr(url), wait=1)

    assert not url or url not in error.value.message
