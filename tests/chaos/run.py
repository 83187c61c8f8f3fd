"""One seed from beginning to end: build the house, let the storm in, let it settle, and look at what is left."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pharos.stack.postgres import EmbeddedPostgres
from pharos.stack.redis import EmbeddedRedis
from tests.chaos.checker import Verdict, check
from tests.chaos.plan import NODES, blows, wishes
from tests.chaos.storm import PLANE, Storm, start_worker
from tests.chaos.submitters import Submitters
from tests.faults.house import ADMIN, House
from tests.faults.nursery import Nursery

#: Minutes of the product's life in seconds: a lease of ten minutes is over in six.
SCALE = 0.01
#: Seconds between two submits, on average.
_EVERY = 0.08
#: Seconds after the storm within which everything must have ended: several leases.
_SETTLE = 60.0


@dataclass(frozen=True, kw_only=True)
class Report:
    """What one seed came to."""

    seed: int
    jobs: int
    done: Counter[str]
    lost_replies: int
    attempts: int
    #: Seconds of storm, and until all had ended after it.
    storm: float
    settled: float
    verdict: Verdict
    history: Path

    def line(self) -> str:
        """Return it in one line."""
        done = self.done
        return (
            f"seed {self.seed}: {self.jobs} jobs, {self.attempts} attempts, {done['kill']} kills, "
            f"{done['reset']} resets, {self.lost_replies} lost replies, {done['dead']} dead links, "
            f"{done['flush']} flushes, {done['freeze']} freezes, {done['plane']} plane restarts, "
            f"{self.storm:.1f} s + {self.settled:.1f} s; lost {self.verdict.lost}, doubled {self.verdict.doubled}, "
            f"problems {len(self.verdict.problems)}"
        )


def run(
    seed: int,
    jobs: int,
    folder: Path,
    *,
    postgres: EmbeddedPostgres,
    redis_server: EmbeddedRedis,
    nursery: Nursery,
    scale: float = SCALE,
) -> Report:
    """Return the report on one seed; what its parts said and what the ledger did stays in ``folder``."""
    store = "lancedb" if seed % 2 else "qdrant"
    settings = {"PHAROS_VECTOR_STORE": store, "PHAROS_QDRANT_URL": "http://127.0.0.1:1"}
    with House(folder, postgres, redis_server.url, nursery=nursery, scale=scale, settings=settings) as house:
        house.start_plane(**PLANE)
        for node in NODES:
            start_worker(house, node)
        people = Submitters(house.plane_url, ADMIN, wishes(seed, jobs, every=_EVERY))
        longest = 2 * jobs * _EVERY + 10
        storm = Storm(house, blows(seed, seconds=longest))
        began = time.monotonic()
        people.start()
        storm.rage(lambda: people.busy and time.monotonic() - began < longest)
        calm = time.monotonic()
        storm.calm()
        people.join(_SETTLE)
        end = calm + _SETTLE
        while house.open_jobs(ask.job_id for ask in people.asks) and time.monotonic() < end:
            time.sleep(0.1)
        settled = time.monotonic() - calm
        history = house.history(people.asks)
    verdict = check(history)
    missing = jobs - len({ask.key for ask in people.asks})
    odd = [*people.odd, *([f"{missing} submits were never answered"] if missing else [])]
    return Report(
        seed=seed,
        jobs=jobs,
        done=storm.done,
        lost_replies=storm.lost_replies,
        attempts=sum(change.state == "running" for change in history.changes),
        storm=calm - began,
        settled=settled,
        verdict=Verdict(lost=verdict.lost, doubled=verdict.doubled, problems=(*verdict.problems, *odd)),
        history=history.keep(folder),
    )
