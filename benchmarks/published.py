"""Publishing for a benchmark: what an ingest would have learned becomes visible, by way of a real job."""

from __future__ import annotations

import time
from contextlib import closing

from pydantic import SecretStr

from benchmarks.house import House
from shared.ids import repository_id
from shared.jobs.kinds import Kind, Priority
from shared.jobs.payloads import IngestPayload
from shared.knowledge import Knowledge
from shared.ledger.keeper import Submission
from shared.ledger.postgres import Database
from shared.ledger.publish import Publisher
from shared.ledger.records import DEFAULT_TENANT
from shared.nodes.capabilities import Capabilities, Needs

_NAME = "github.com/bench/graph"
REPOSITORY = repository_id(DEFAULT_TENANT, _NAME)


def publish(house: House, known: Knowledge) -> float:
    """Make it the visible generation of a benchmark's one repository; return the seconds of the publishing alone."""
    asked = Submission(
        tenant_id=DEFAULT_TENANT,
        kind=Kind.INGEST,
        repository=_NAME,
        payload=IngestPayload(url=f"https://{_NAME}"),
        priority=Priority.NORMAL,
        needs=Needs(),
        ttl_ms=None,
        idempotency=None,
    )
    with house.keeper() as keeper, closing(Database(SecretStr(house.settings["PHAROS_DATABASE_URL"]))) as database:
        queued = keeper.submit(asked, cap=1_000_000).job
        assert queued is not None
        can = Capabilities(node="bench", cpus=2)
        job = keeper.start(queued.id, worker="bench.0123456789ab", capabilities=can, lease=600.0).job
        assert job is not None
        began = time.perf_counter()
        Publisher(database).publish(job, known, vector_store="lancedb", parameters={}, result={})
        return time.perf_counter() - began
