"""RQ's record of a job, as text that JSON can carry. It is there for RQ's own tools; nothing in it is ever run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import redis
from rq.job import Job as RqJob
from rq.job import JobStatus
from rq.serializers import JSONSerializer

#: The name that stands in the record, for `rq info` and dashboards. No process resolves it.
_FUNCTION = "pharos.job"


class Record(RqJob):
    """What RQ shows of a job: its id, its lane, when it was put there."""

    def to_dict(self, include_meta: bool = True, include_result: bool = True) -> dict[str, Any]:
        """Return the fields: no bytes, which REST cannot carry, and none that is empty, which RQ reads as absent."""
        made: dict[str, Any] = super().to_dict(include_meta=include_meta, include_result=include_result)
        # RQ deflates this one and reads it either way.
        made["data"] = bytes(self.data).decode()
        return {name: value for name, value in made.items() if value != ""}


def make_record(job_id: str, lane: str, connection: redis.Redis) -> RqJob:
    """Return the record of a job that is put on a lane now; nothing is sent."""
    record = Record.create(
        _FUNCTION,
        args=(job_id,),
        id=job_id,
        origin=lane,
        status=JobStatus.QUEUED,
        connection=connection,
        serializer=JSONSerializer,
    )
    record.enqueued_at = datetime.now(UTC)
    return record
