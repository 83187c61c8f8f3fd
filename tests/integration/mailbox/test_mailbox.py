"""A mailbox over a socket: it waits, it is woken, and its link is torn in mid-call."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from mailbox_places import LANES, WORKER, free_port
from pydantic import SecretStr
from rq.job import Job as RqJob

from shared.errors import ConfigurationError, MailboxUnavailable
from shared.ids import new_job_id
from shared.mailbox.connection import connect
from shared.mailbox.lanes import Mailbox
from shared.mailbox.link import Link, Meter


def _until_blocked(link: redis.Redis) -> None:
    """Return when somebody waits for an id."""
    end = time.monotonic() + 10
    while not link.info("clients")["blocked_clients"]:
        assert time.monotonic() < end, "nobody began to wait"


def _until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end


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
        Mailbox(redis_link).push([(job_id, "ingest", 60)])

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
    mailbox.push([(job_id, "ingest", 60)])
    assert mailbox.take(LANES, worker=WORKER, wait=1) == job_id


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
    mailbox.push([(job_id, "ingest", 90)])

    taken = forbidden.take(["ingest"], worker=WORKER, wait=1)

    assert taken == job_id
    assert 0 < redis_link.ttl(RqJob.key_for(job_id)) <= 90


@pytest.fixture
def narrow(redis_link: redis.Redis, redis_url: SecretStr) -> Iterator[Mailbox]:
    """A mailbox whose Redis user may do what the mailbox does, to its keys alone."""
    wanted = ("sadd", "hset", "expire", "rpush", "blpop", "del", "exists", "lrange", "ping", "get", "set")
    redis_link.acl_setuser(
        "narrow", enabled=True, nopass=True, keys=["rq:*", "pharos:*"], commands=[f"+{name}" for name in wanted]
    )
    box = Mailbox(connect(SecretStr(redis_url.get_secret_value().replace("redis://", "redis://narrow:x@")), wait=5))
    yield box
    box.close()
    redis_link.acl_deluser("narrow")


def test_a_redis_user_needs_eleven_commands(narrow: Mailbox) -> None:
    """All of the mailbox works for a user who may neither publish nor run scripts, nor touch other keys."""
    job_id = new_job_id()

    narrow.ping()
    narrow.push([(job_id, "ingest", 60)])
    narrow.wake(WORKER)
    narrow.keep_note("presence", "[]")

    assert (narrow.waiting(["ingest"]), narrow.recorded([job_id])) == ({job_id}, 1)
    assert [narrow.take(LANES, worker=WORKER, wait=1) for _ in range(2)] == [None, job_id]
    assert narrow.read_note("presence") == "[]"


class _Torn(Link):
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
    torn = _Torn(redis.ConnectionPool(), transport="tcp", meter=Meter())
    torn.failure = failure

    with pytest.raises(MailboxUnavailable) as error:
        Mailbox(torn).take(LANES, worker=WORKER, wait=1)

    assert error.value.details["cause"] == type(failure).__name__
    assert error.value.__cause__ is failure


_CALLS: dict[str, Callable[[Mailbox], object]] = {
    "push": lambda box: box.push([(new_job_id(), "ingest", 60)]),
    "take": lambda box: box.take(["ingest"], worker=WORKER, wait=30),
    "wake": lambda box: box.wake(WORKER),
    "waiting": lambda box: box.waiting(["ingest"]),
    "recorded": lambda box: box.recorded([new_job_id()]),
    "ping": lambda box: box.ping(),
    "keep_note": lambda box: box.keep_note("presence", "[]"),
    "read_note": lambda box: box.read_note("presence"),
}


@pytest.mark.parametrize("call", _CALLS)
def test_redis_that_is_down_is_told_fast(call: str) -> None:
    """Without a Redis every call is MailboxUnavailable at once, and no password is in it."""
    box = Mailbox(connect(SecretStr(f"redis://:canary-password@127.0.0.1:{free_port()}/0"), wait=30))
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
            box.push([(new_job_id(), "ingest", 60)])

    _until(lambda: requests)
    assert len(requests) == 1


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:6379", "file:///tmp/x", "", "redis:/x"])
def test_other_schemes_are_refused(url: str) -> None:
    """Four schemes lead to a mailbox; for any other the message names the variable, never the value."""
    with pytest.raises(ConfigurationError, match="PHAROS_REDIS_URL") as error:
        connect(SecretStr(url), wait=1)

    assert not url or url not in error.value.message
