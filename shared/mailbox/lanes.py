"""Lanes: RQ queues that carry ids only. Nothing that stands in a Redis payload is ever run or believed."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import redis
from rq import Queue
from rq.exceptions import DequeueTimeout
from rq.job import Job as RqJob
from rq.job import JobStatus
from rq.serializers import JSONSerializer

from shared.errors import MailboxUnavailable
from shared.ids import JOB_ID_PATTERN
from shared.logs import get_logger
from shared.mailbox.connection import as_ours

log = get_logger(__name__)

_JOB_ID = re.compile(JOB_ID_PATTERN)
_WAKE = "wake"
#: The name that stands in RQ's record of a job, for `rq info` and dashboards. No process resolves it.
_FUNCTION = "pharos.job"


class Mailbox:
    """Pushes ids on lanes and takes them off. Every method raises ``MailboxUnavailable`` when Redis does not answer."""

    def __init__(self, connection: redis.Redis) -> None:
        self._connection = connection

    def push(self, job_id: str, lane: str, *, ttl: float | None) -> None:
        """Put an id at the end of its lane, with RQ's record of it, which Redis forgets after ``ttl`` seconds."""
        queue = self._queue(lane)
        record = RqJob.create(
            _FUNCTION,
            args=(job_id,),
            id=job_id,
            origin=lane,
            status=JobStatus.QUEUED,
            connection=self._connection,
            serializer=JSONSerializer,
        )
        record.enqueued_at = datetime.now(UTC)
        with as_ours(), self._connection.pipeline(transaction=False) as pipeline:
            pipeline.sadd(Queue.redis_queues_keys, queue.key)
            record.save(pipeline=pipeline, include_meta=False)
            if ttl is not None:
                pipeline.expire(record.key, max(1, round(ttl)))
            queue.push_job_id(job_id, pipeline=pipeline)
            pipeline.execute()

    def take(self, lanes: Sequence[str], *, worker: str, wait: float) -> str | None:
        """Return the next id, most urgent lane first, or ``None`` after ``wait`` seconds or a ``wake``.

        One command however many lanes there are. What is not the id of a job is dropped and logged.
        """
        keys = [_wake_key(worker), *(self._queue(lane).key for lane in lanes)]
        with as_ours():
            try:
                key, value = Queue.lpop(keys, max(1, round(wait)), connection=self._connection)
            except DequeueTimeout:
                return None
            except (TypeError, ValueError, AttributeError) as error:
                # A link that is broken from another thread in mid-call fails in the driver's own ways.
                raise MailboxUnavailable(cause=type(error).__name__) from error
        text = bytes(value).decode("ascii", "replace")
        if _JOB_ID.fullmatch(text):
            self._forget(text)
            return text
        if bytes(key).decode() != _wake_key(worker):
            log.warning("mailbox_entry_dropped", size=len(value))
        return None

    def _forget(self, job_id: str) -> None:
        # The id is in our hand: RQ's record of it may as well end with its ttl.
        with suppress(MailboxUnavailable), as_ours():
            self._connection.delete(RqJob.key_for(job_id))

    def wake(self, worker: str) -> None:
        """End a worker's present wait, so that it looks at its lanes anew."""
        key = _wake_key(worker)
        with as_ours(), self._connection.pipeline(transaction=False) as pipeline:
            pipeline.rpush(key, _WAKE)
            pipeline.expire(key, 60)
            pipeline.execute()

    def hang_up(self) -> None:
        """Break every connection, also one that somebody waits on; the next command makes a new one."""
        self._connection.connection_pool.disconnect(inuse_connections=True)

    def waiting(self, lanes: Collection[str]) -> frozenset[str]:
        """Return every id that lies on one of ``lanes``."""
        if not lanes:
            return frozenset()
        with as_ours(), self._connection.pipeline(transaction=False) as pipeline:
            for lane in lanes:
                pipeline.lrange(self._queue(lane).key, 0, -1)
            found = pipeline.execute()
        return frozenset(bytes(value).decode("ascii", "replace") for values in found for value in values)

    def ping(self) -> None:
        """Return when Redis answers."""
        with as_ours():
            self._connection.ping()

    def keep_note(self, name: str, text: str) -> None:
        """Keep a small document under ``pharos:<name>``."""
        with as_ours():
            self._connection.set(f"pharos:{name}", text)

    def read_note(self, name: str) -> str | None:
        """Return the document under ``pharos:<name>``, if there is one."""
        with as_ours():
            value = self._connection.get(f"pharos:{name}")
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

    def close(self) -> None:
        """Close every connection."""
        self._connection.close()

    def _queue(self, lane: str) -> Queue:
        return Queue(lane, connection=self._connection, serializer=JSONSerializer)


def _wake_key(worker: str) -> str:
    return f"pharos:wake:{worker}"
