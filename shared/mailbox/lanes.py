"""Lanes: RQ queues that carry ids only. Nothing that stands in a Redis payload is ever run or believed."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from redis.client import Pipeline
from rq import Queue
from rq.exceptions import DequeueTimeout
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer

from shared.errors import MailboxUnavailable
from shared.ids import JOB_ID_PATTERN
from shared.logs import get_logger
from shared.mailbox.link import Link
from shared.mailbox.record import make_record
from shared.mailbox.ways import Ways
from shared.nodes.heartbeat import Transport

log = get_logger(__name__)

_JOB_ID = re.compile(JOB_ID_PATTERN)
#: Bytes of an entry that are looked at; an id has 30.
_SHORT = 64
_WAKE = "wake"


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Ids that were taken off a lane."""

    lane: str
    ids: tuple[str, ...]


#: What a glance at empty lanes brings.
NOTHING_TAKEN = Taken(lane="", ids=())


class Mailbox:
    """Pushes ids on lanes and takes them off. Every method raises ``MailboxUnavailable`` when Redis does not answer."""

    def __init__(self, way: Link | Ways) -> None:
        self._ways = way if isinstance(way, Ways) else Ways(way)

    @property
    def transport(self) -> Transport | None:
        """How Redis is reached; ``None`` as long as it was not tried."""
        return self._ways.transport

    @property
    def blocks(self) -> bool:
        """Whether a take waits for an id. Over REST it cannot: it is to be called when there is something to find."""
        return self.transport != "rest"

    @property
    def commands(self) -> int:
        """How many commands this client has sent since it began, those of its handshakes too."""
        return self._ways.commands

    def push(self, jobs: Sequence[tuple[str, str, float]]) -> None:
        """Put ids at the end of their lanes: each an id, its lane, and the seconds for which Redis keeps RQ's record.

        One round trip; three commands for each job, and one.
        """
        if not jobs:
            return
        with self._ways.use() as link, link.pipeline(transaction=False) as pipeline:
            queues = {lane: _queue(link, lane) for _, lane, _ in jobs}
            pipeline.sadd(Queue.redis_queues_keys, *(queue.key for queue in queues.values()))
            for job_id, lane, ttl in jobs:
                _save(link, pipeline, job_id, lane, ttl)
                queues[lane].push_job_id(job_id, pipeline=pipeline)
            pipeline.execute()

    def record(self, jobs: Sequence[tuple[str, str, float]]) -> None:
        """Write RQ's records of ids that are on their lanes anew, where Redis may have forgotten them."""
        if not jobs:
            return
        with self._ways.use() as link, link.pipeline(transaction=False) as pipeline:
            for job_id, lane, ttl in jobs:
                _save(link, pipeline, job_id, lane, ttl)
            pipeline.execute()

    def take(self, lanes: Sequence[str], *, worker: str, wait: float) -> str | None:
        """Return the next id, most urgent lane first, or ``None`` after ``wait`` seconds or a ``wake``.

        One command however many lanes there are. What is not the id of a job is dropped and logged. Where the
        mailbox does not block, the answer comes at once, there is no wake, and RQ's record stays: to delete it would
        take a round trip more, for which a job that was found should not wait.
        """
        with self._ways.use() as link:
            waits = link.transport != "rest"
            found = _wait(link, lanes, worker, wait) if waits else _look(link, lanes)
        job_id = _id_in(found, expected=_wake_key(worker))
        if job_id is not None and waits:
            # The id is in our hand: RQ's record of it may as well end with its ttl.
            with suppress(MailboxUnavailable):
                self.forget(job_id)
        return job_id

    def glance(self, lanes: Sequence[str], *, most: int = 1, forget: Sequence[str] = ()) -> Taken:
        """Return the next ids as ``take`` does, but at once, and leave RQ's records of them. Redis 7 or newer.

        Up to ``most``, all off the most urgent lane that has any. ``forget`` are ids whose records are deleted on the
        same round trip.
        """
        with self._ways.use() as link, link.pipeline(transaction=False) as pipeline:
            if forget:
                pipeline.delete(*map(RqJob.key_for, forget))
            pipeline.lmpop(len(lanes), *map(_key, lanes), direction="LEFT", count=most)
            found: Any = pipeline.execute()[-1]
        if found is None:
            return NOTHING_TAKEN
        key, values = found
        ids = (_id_in((bytes(key), bytes(value))) for value in values)
        lane = bytes(key).decode().removeprefix(Queue.redis_queue_namespace_prefix)
        return Taken(lane=lane, ids=tuple(job_id for job_id in ids if job_id is not None))

    def put_back(self, lane: str, job_ids: Sequence[str]) -> None:
        """Put ids that a glance took back at the head of their lane, in their order: one command. Records stay."""
        with self._ways.use() as link:
            link.lpush(_key(lane), *reversed(job_ids))

    def forget(self, *job_ids: str) -> None:
        """Delete RQ's records of ids that were taken: one command."""
        with self._ways.use() as link:
            link.delete(*map(RqJob.key_for, job_ids))

    def wake(self, worker: str) -> None:
        """End a worker's present wait, so that it looks at its lanes anew. Where nobody can wait, nothing is sent."""
        key = _wake_key(worker)
        with self._ways.use() as link:
            if link.transport == "rest":
                return
            with link.pipeline(transaction=False) as pipeline:
                pipeline.rpush(key, _WAKE)
                pipeline.expire(key, 60)
                pipeline.execute()

    def hang_up(self) -> None:
        """Break every connection, also one that somebody waits on; the next command makes a new one."""
        self._ways.hang_up()

    def waiting(self, lanes: Collection[str]) -> frozenset[str]:
        """Return every id that lies on one of ``lanes``, for one command each."""
        if not lanes:
            return frozenset()
        with self._ways.use() as link, link.pipeline(transaction=False) as pipeline:
            for lane in lanes:
                pipeline.lrange(_key(lane), 0, -1)
            found = pipeline.execute()
        return frozenset(
            bytes(value).decode("ascii", "replace") for values in found for value in values if len(value) <= _SHORT
        )

    def recorded(self, job_ids: Collection[str]) -> int:
        """Return how many of those jobs Redis has a record of: one command, for jobs on however many lanes."""
        if not job_ids:
            return 0
        with self._ways.use() as link:
            return int(link.exists(*(RqJob.key_for(job_id) for job_id in job_ids)))

    def ping(self) -> None:
        """Return when Redis answers."""
        with self._ways.use() as link:
            link.ping()

    def keep_note(self, name: str, text: str) -> None:
        """Keep a small document under ``pharos:<name>``."""
        with self._ways.use() as link:
            link.keep_note(f"pharos:{name}", text)

    def read_note(self, name: str) -> str | None:
        """Return the document under ``pharos:<name>``, if there is one."""
        with self._ways.use() as link:
            return link.read_note(f"pharos:{name}")

    def close(self) -> None:
        """Close every connection."""
        self._ways.close()


def _save(link: Link, pipeline: Pipeline, job_id: str, lane: str, ttl: float) -> None:
    record = make_record(job_id, lane, link)
    record.save(pipeline=pipeline, include_meta=False)
    pipeline.expire(record.key, max(1, round(ttl)))


def _wait(link: Link, lanes: Sequence[str], worker: str, wait: float) -> tuple[bytes, bytes] | None:
    keys = [_wake_key(worker), *map(_key, lanes)]
    try:
        key, value = Queue.lpop(keys, max(1, round(wait)), connection=link)
    except DequeueTimeout:
        return None
    except (TypeError, ValueError, AttributeError) as error:
        # A link that is broken from another thread in mid-call fails in the driver's own ways.
        raise MailboxUnavailable(cause=type(error).__name__) from error
    return bytes(key), bytes(value)


def _look(link: Link, lanes: Sequence[str]) -> tuple[bytes, bytes] | None:
    # RQ's own look without waiting is a command for each lane.
    keys = [_key(lane) for lane in lanes]
    found: Any = link.lmpop(len(keys), *keys, direction="LEFT", count=1) if keys else None
    return _popped(found)


def _popped(found: Any) -> tuple[bytes, bytes] | None:
    """Return the key and the entry in an answer of LMPOP."""
    if found is None:
        return None
    key, (value,) = found
    return bytes(key), bytes(value)


def _id_in(found: tuple[bytes, bytes] | None, *, expected: str = "") -> str | None:
    """Return the id of a job that was found; what is none is dropped, and logged unless it lay where ``expected``."""
    if found is None:
        return None
    key, value = found
    text = value.decode("ascii", "replace") if len(value) <= _SHORT else ""
    if _JOB_ID.fullmatch(text):
        return text
    if key.decode() != expected:
        log.warning("mailbox_entry_dropped", size=len(value))
    return None


def _queue(link: Link, lane: str) -> Queue:
    return Queue(lane, connection=link, serializer=JSONSerializer)


def _key(lane: str) -> str:
    # As Queue.key, without making a queue for each of a worker's lanes at each take.
    return f"{Queue.redis_queue_namespace_prefix}{lane}"


def _wake_key(worker: str) -> str:
    return f"pharos:wake:{worker}"
