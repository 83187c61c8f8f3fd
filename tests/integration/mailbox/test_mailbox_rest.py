"""The mailbox over Upstash's REST protocol: what is sent, what is refused, and what comes of answers that are none."""

from __future__ import annotations

import json
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import redis
from mailbox_places import LANES, WORKER, free_port
from pydantic import SecretStr
from rq import Queue
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer

from shared.errors import MailboxUnavailable
from shared.ids import new_job_id
from shared.mailbox.connection import connect
from shared.mailbox.conversation import LARGEST, PlanUsedUp
from shared.mailbox.lanes import Mailbox
from shared.mailbox.link import Link
from shared.mailbox.rest import SENT, NotOverRest

if TYPE_CHECKING:
    from upstash.server import Upstash

CANARY = "canary-token-of-nobody"
_DEFLATED = zlib.compress(b"x" * 100)

_CALLS: dict[str, Callable[[Mailbox], object]] = {
    "push": lambda box: box.push([(new_job_id(), "ingest", 60)]),
    "take": lambda box: box.take(["ingest"], worker=WORKER, wait=30),
    "waiting": lambda box: box.waiting(["ingest"]),
    "recorded": lambda box: box.recorded([new_job_id()]),
    "ping": lambda box: box.ping(),
    "keep_note": lambda box: box.keep_note("presence", "[]"),
    "read_note": lambda box: box.read_note("presence"),
}


@pytest.fixture
def rest(upstash: Upstash, redis_link: redis.Redis) -> Iterator[Link]:
    """A client over REST; the Redis behind it is empty."""
    with closing(connect(SecretStr(upstash.url), wait=30, patience=2, token=SecretStr(upstash.token))) as link:
        yield link


@pytest.fixture
def box(rest: Link) -> Mailbox:
    """A mailbox over REST."""
    return Mailbox(rest)


def test_a_push_is_one_request(box: Mailbox, upstash: Upstash) -> None:
    """An id and RQ's record of it go in one request."""
    box.push([(new_job_id(), "ingest", 60)])

    assert upstash.requests == [("/pipeline", ["SADD", "HSET", "EXPIRE", "RPUSH"])]


def test_a_take_is_one_request_and_the_record_another(box: Mailbox, upstash: Upstash) -> None:
    """A take asks once, and no job waits for more than that; its record is cleared away when somebody has the time."""
    job_id = new_job_id()
    box.push([(job_id, "ingest", 60)])
    upstash.requests.clear()

    box.take(LANES, worker=WORKER, wait=30)
    box.take(LANES, worker=WORKER, wait=30)
    box.forget(job_id)

    assert upstash.requests == [("/", ["LMPOP"]), ("/", ["LMPOP"]), ("/", ["DEL"])]


def test_a_take_does_not_wait(box: Mailbox) -> None:
    """Over REST a take comes back at once, whatever it was told to wait."""
    begun = time.monotonic()

    assert box.take(LANES, worker=WORKER, wait=30) is None
    assert time.monotonic() - begun < 2


def test_nothing_is_taken_off_no_lanes(box: Mailbox, upstash: Upstash) -> None:
    """Without a lane nothing is asked."""
    assert box.take([], worker=WORKER, wait=30) is None
    assert upstash.requests == []


def test_a_wake_is_not_sent(box: Mailbox, upstash: Upstash) -> None:
    """Where nobody can wait nobody is woken, and nothing is spent on it."""
    box.wake(WORKER)

    assert (upstash.requests, box.commands) == ([], 0)


def test_no_handshake_is_sent_and_the_connection_is_kept(box: Mailbox, upstash: Upstash) -> None:
    """Twenty commands go over one connection, and nothing else does."""
    for _ in range(20):
        box.ping()

    assert upstash.requests == [("/", ["PING"])] * 20
    assert (upstash.connections, box.commands) == (1, 20)


def test_what_is_counted_is_what_was_sent(box: Mailbox, upstash: Upstash) -> None:
    """Commands of both libraries are counted as the server counts them."""
    for call in _CALLS.values():
        call(box)

    assert box.commands == upstash.commands


def test_documents_go_through_upstashs_own_library(box: Mailbox, upstash: Upstash) -> None:
    """What is not RQ's traffic is carried by upstash_redis, and said once."""
    box.keep_note("presence", "[]")

    assert box.read_note("presence") == "[]"
    assert upstash.requests == [("/", ["SET"]), ("/", ["GET"])]


@pytest.mark.parametrize(
    "command",
    [
        ("BLPOP", "rq:queue:ingest", "1"),
        ("BLMOVE", "a", "b", "LEFT", "RIGHT", "1"),
        ("XREAD", "BLOCK", "1", "STREAMS", "a", "0"),
        ("WATCH", "a"),
        ("SUBSCRIBE", "rq:pubsub:den"),
        ("CLIENT", "SETNAME", "pharos"),
        ("CLIENT SETNAME", "pharos"),
        ("HELLO", "3"),
        ("SELECT", "1"),
        ("INFO", "server"),
        ("EVAL", "return 1", "0"),
        ("FLUSHALL",),
        ("GET", "a"),
    ],
    ids=lambda command: command[0],
)
def test_other_commands_are_refused_before_they_are_sent(
    rest: Link, upstash: Upstash, command: tuple[str, ...]
) -> None:
    """A command that the mailbox does not issue is an error that names it; nothing goes out."""
    with pytest.raises(NotOverRest, match=command[0]):
        rest.execute_command(*command)

    assert (upstash.requests, rest.meter.count) == ([], 0)


def test_one_foreign_command_stops_its_whole_batch(rest: Link, upstash: Upstash) -> None:
    """Nothing of a batch is sent when one of its commands does not go over REST."""
    with pytest.raises(NotOverRest), rest.pipeline(transaction=False) as pipeline:
        pipeline.rpush("rq:queue:ingest", "a").publish("rq:pubsub:den", "shutdown").execute()

    assert upstash.requests == []


@pytest.mark.parametrize("value", [b"\xff\xfe", b"x\x9c\xed\xc1", "\ud800"], ids=["bytes", "zlib", "surrogate"])
def test_a_value_that_is_no_text_is_refused(rest: Link, upstash: Upstash, value: bytes | str) -> None:
    """JSON carries text alone: anything else is an error before it is sent."""
    with pytest.raises(NotOverRest, match="UTF-8"):
        rest.rpush("rq:queue:ingest", value)

    assert upstash.requests == []


def test_answers_are_bytes(rest: Link, redis_link: redis.Redis) -> None:
    """What another process put there comes back byte for byte, in whichever shape Redis answers."""
    redis_link.rpush("rq:queue:ingest", b"\xff\x00", b"", b"OK", b"UE9ORw==")
    redis_link.hset("rq:job:x", mapping={"data": _DEFLATED, "status": "queued"})

    assert rest.lrange("rq:queue:ingest", 0, -1) == [b"\xff\x00", b"", b"OK", b"UE9ORw=="]
    assert rest.hgetall("rq:job:x") == {b"data": _DEFLATED, b"status": b"queued"}
    assert (rest.llen("rq:queue:ingest"), rest.llen("nothing"), rest.exists("rq:job:x")) == (4, 0, 1)
    assert rest.lmpop(1, "nothing", direction="LEFT") is None
    assert rest.ping() is True


def test_a_transaction_is_one_request(rest: Link, upstash: Upstash) -> None:
    """MULTI to EXEC goes to /multi-exec: all of it is run, or none."""
    with rest.pipeline(transaction=True) as pipeline:
        done = pipeline.rpush("rq:queue:a", "1").rpush("rq:queue:a", "2").llen("rq:queue:a").execute()

    assert done == [1, 2, 2]
    assert upstash.requests == [("/multi-exec", ["RPUSH", "RPUSH", "LLEN"])]
    assert rest.meter.count == upstash.commands == 5


def test_a_transaction_that_cannot_be_is_refused_whole(rest: Link) -> None:
    """A transaction with a command that has the wrong number of arguments changes nothing."""
    with rest.pipeline(transaction=True) as pipeline:
        pipeline.rpush("rq:queue:a", "1").execute_command("HSET", "only-a-key")

        with pytest.raises(redis.ResponseError):
            pipeline.execute()

    assert rest.llen("rq:queue:a") == 0


def test_an_error_in_a_batch_is_that_of_its_command(rest: Link, redis_link: redis.Redis) -> None:
    """The commands around one that fails are run, and each has its own answer."""
    redis_link.set("rq:queue:word", "not a list")

    with rest.pipeline(transaction=False) as pipeline:
        pipeline.rpush("rq:queue:a", "1").rpush("rq:queue:word", "2").llen("rq:queue:a")
        first, second, third = pipeline.execute(raise_on_error=False)

    assert (first, third) == (1, 1)
    assert isinstance(second, redis.ResponseError)
    assert "WRONGTYPE" in str(second)


def test_rqs_own_tools_ask_for_no_version(rest: Link, redis_link: redis.Redis) -> None:
    """RQ's Queue knows where a job stands, and its Job restores itself, without an INFO."""
    box, ids = Mailbox(rest), [new_job_id() for _ in range(3)]
    for job_id in ids:
        box.push([(job_id, "ingest", 60)])

    queue = Queue("ingest", connection=rest, serializer=JSONSerializer)

    assert queue.get_redis_server_version() == (7, 0, 0)
    assert [job.args for job in RqJob.fetch_many(ids, connection=rest, serializer=JSONSerializer) if job] == [
        [job_id] for job_id in ids
    ]


@pytest.mark.parametrize("call", _CALLS)
def test_a_used_up_plan_is_told(box: Mailbox, upstash: Upstash, call: str) -> None:
    """Upstash's word that the month is used up is MailboxUnavailable; when it takes requests again all works."""
    upstash.used_up = True

    with pytest.raises(MailboxUnavailable) as error:
        _CALLS[call](box)

    assert error.value.details == {"cause": "ResponseError" if "note" in call else "PlanUsedUp", "refused": True}
    upstash.used_up = False
    _CALLS[call](box)


def test_too_many_requests_at_once_are_told(rest: Link, upstash: Upstash) -> None:
    """HTTP 429 is a plan used up, whatever stands in it."""
    upstash.instead = (429, b"slow down")

    with pytest.raises(PlanUsedUp):
        rest.ping()


@pytest.mark.parametrize("call", _CALLS)
def test_a_wrong_token_is_told_and_never_shown(upstash: Upstash, redis_link: redis.Redis, call: str) -> None:
    """A token of another database opens nothing, and stands in no message."""
    box = Mailbox(connect(SecretStr(upstash.url), wait=0, token=SecretStr(CANARY)))

    with closing(box), pytest.raises(MailboxUnavailable) as error:
        _CALLS[call](box)

    assert CANARY not in f"{error.value} {error.value.details} {error.value.__cause__!r} {error.value.__cause__}"
    assert upstash.requests == []


@pytest.mark.parametrize("call", _CALLS)
@pytest.mark.parametrize(
    ("status", "text"),
    [
        (200, b"<html>Please log in to this network</html>"),
        (200, b""),
        (200, b"[]"),
        (200, b'"OK"'),
        (200, b'{"result": {"a": 1}}'),
        (200, b'{"result": true}'),
        (200, b'{"result": "not base64!"}'),
        (200, b'[{"result": "OK"}]'),
        (200, b"[" * 100_000),
        (400, b"nothing that is JSON"),
        (400, b'{"error": "ERR of some kind"}'),
        (302, b""),
        (407, b"proxy"),
        (500, b'{"error": "internal"}'),
        (503, b"away"),
    ],
    ids=[
        "html", "empty", "list", "word", "object", "bool", "no-base64", "one-part", "depth", "400", "400-error", "302",
        "407", "500", "503",
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_told(box: Mailbox, upstash: Upstash, call: str, status: int, text: bytes) -> None:
    """Whatever something in between answers, every call is MailboxUnavailable, and the next one starts afresh."""
    upstash.instead = (status, text)

    with pytest.raises(MailboxUnavailable):
        _CALLS[call](box)

    upstash.instead = None
    _CALLS[call](box)


def test_an_endless_answer_is_not_read_to_its_end(rest: Link, upstash: Upstash) -> None:
    """An answer that is larger than anything the mailbox holds is given up."""
    upstash.instead = (200, json.dumps({"result": "A" * (LARGEST + 10_000)}).encode())

    with pytest.raises(redis.ConnectionError, match="larger"):
        rest.ping()


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_answer_that_is_lost_is_not_asked_for_again(
    box: Mailbox, upstash: Upstash, redis_link: redis.Redis, when: str
) -> None:
    """A push whose answer was cut off is told as lost and sent once: an id is never on a lane twice."""
    upstash.cut = when

    with pytest.raises(MailboxUnavailable):
        box.push([(new_job_id(), "ingest", 60)])

    assert len(upstash.requests) == 1
    assert redis_link.llen("rq:queue:ingest") == (1 if when == "after" else 0)
    upstash.cut = None
    box.ping()


@pytest.mark.parametrize("call", ["push", "take", "keep_note"])
def test_a_line_that_is_dead_is_told_in_time(call: str) -> None:
    """A server that takes the request and says nothing is given up after the patience, whichever library asks."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = SecretStr(f"http://127.0.0.1:{server.getsockname()[1]}")
        with closing(Mailbox(connect(url, wait=300, patience=0.5, token=SecretStr(CANARY)))) as box:
            begun = time.monotonic()

            with pytest.raises(MailboxUnavailable):
                _CALLS[call](box)

            assert time.monotonic() - begun < 3


def test_an_answer_that_drips_is_told_in_time() -> None:
    """A server that says a byte now and then is given up after the patience, though it never falls silent."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            link, _ = server.accept()
            with link:
                link.recv(65536)
                link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                while not over.wait(0.1):
                    link.sendall(b" ")

        dripping = threading.Thread(target=drip)
        dripping.start()
        url = SecretStr(f"http://127.0.0.1:{server.getsockname()[1]}")
        with closing(Mailbox(connect(url, wait=0, patience=0.5, token=SecretStr(CANARY)))) as box:
            begun = time.monotonic()

            with pytest.raises(MailboxUnavailable) as error:
                box.ping()

            assert time.monotonic() - begun < 3
        over.set()
        dripping.join()
    assert error.value.details == {"cause": "TimeoutError", "refused": False}


@pytest.mark.parametrize("call", _CALLS)
def test_nobody_there_is_told_fast(call: str) -> None:
    """Without a server every call is MailboxUnavailable at once."""
    url = SecretStr(f"http://127.0.0.1:{free_port()}")
    with closing(Mailbox(connect(url, wait=30, token=SecretStr(CANARY)))) as box:
        begun = time.monotonic()

        with pytest.raises(MailboxUnavailable):
            _CALLS[call](box)

        assert time.monotonic() - begun < 3


def test_a_submit_at_sixty_milliseconds_is_one_round_trip(box: Mailbox, upstash: Upstash) -> None:
    """With 60 ms on the way a push takes one of them, not four."""
    box.ping()
    upstash.latency = 0.06
    taken = []
    for _ in range(5):
        begun = time.monotonic()
        box.push([(new_job_id(), "ingest", 60)])
        taken.append(time.monotonic() - begun)

    assert 0.06 <= min(taken) < 0.12
    assert len(upstash.requests) == 6


def test_what_goes_over_rest_blocks_nowhere() -> None:
    """No command on the list is one that Upstash refuses."""
    from upstash.server import REFUSED

    assert not SENT & REFUSED
