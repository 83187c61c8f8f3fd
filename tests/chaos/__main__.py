"""``python -m tests.chaos --seed 1 --jobs 200 --seeds 5``: the proof that nothing is lost, as long as one likes.

The same seed asks for the same jobs and strikes the same blows; which of them meet is up to the machine. Exit code 1: a
promise was broken, and the history is kept.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from pharos.stack.postgres import EmbeddedPostgres
from pharos.stack.redis import NO_REDIS, EmbeddedRedis, find_redis_program
from tests.chaos.run import SCALE, run
from tests.faults.nursery import Nursery


def main() -> int:
    """Run the seeds one after another; return the exit code."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    parser.add_argument("--jobs", type=int, default=200, help="jobs a seed")
    parser.add_argument("--scale", type=float, default=SCALE, help="PHAROS_TIME_SCALE of the run")
    parser.add_argument("--keep", type=Path, help="where logs and histories stay (a new folder by default)")
    asked = parser.parse_args()
    program = find_redis_program()
    if program is None:
        sys.stderr.write(f"{NO_REDIS}\n")
        return 2
    keep = asked.keep or Path(tempfile.mkdtemp(prefix="pharos-chaos-"))
    keep.mkdir(parents=True, exist_ok=True)
    # A server that root starts runs under another user, who has to reach its data.
    keep.chmod(0o711)
    print(
        f"chaos: times scaled by {asked.scale} (a lease of 600 s is {600 * asked.scale:.0f} s, a worker is lost after "
        f"{60 * asked.scale:.1f} s instead of 60 s); logs and histories in {keep}",
        flush=True,
    )
    bad, lost, doubled = 0, 0, 0
    with (
        tempfile.TemporaryDirectory(prefix="pharos-chaos-servers-") as servers,
        EmbeddedPostgres(Path(servers) / "postgres", durable=False) as postgres,
        EmbeddedRedis(Path(servers) / "redis", program=program) as redis_server,
        Nursery() as nursery,
    ):
        for seed in range(asked.seed, asked.seed + asked.seeds):
            folder = keep / f"seed-{seed}"
            folder.mkdir(exist_ok=True)
            report = run(
                seed,
                asked.jobs,
                folder,
                postgres=postgres,
                redis_server=redis_server,
                nursery=nursery,
                scale=asked.scale,
            )
            print(report.line(), flush=True)
            for problem in report.verdict.problems[:20]:
                print(f"  {problem}", flush=True)
            bad += bool(report.verdict.problems)
            lost, doubled = lost + report.verdict.lost, doubled + report.verdict.doubled
    print(f"{asked.seeds} seeds, {asked.seeds * asked.jobs} jobs: lost {lost}, doubled {doubled}, bad seeds {bad}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
