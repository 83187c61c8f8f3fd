"""The times that govern who is alive and what is overdue, in one place, so that a test can shrink them all at once."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds. The defaults are the product's promise; ``scaled`` makes a fast copy for tests."""

    heartbeat: float = 20.0
    #: A worker without a heartbeat for so long is lost.
    lost_after: float = 60.0
    #: How long an attempt is held without a renewal, on the database's clock.
    lease: float = 600.0
    renew: float = 300.0
    #: A job due and a capable free worker side by side for so long: order the worker to look in the ledger.
    look_after: float = 20.0
    #: A new job was put on its lane as it was submitted, and is left alone for a moment.
    settle: float = 2.0
    #: One blocking wait for the mailbox.
    mailbox_wait: float = 300.0
    #: A pause before Redis is tried again after it was lost.
    reconnect: float = 5.0
    #: Reconcile runs at least this often.
    reconcile_every: float = 6 * 3600.0
    #: The first back-off of a retry; each further one doubles.
    retry_base: float = 30.0
    #: A LOW job that waited longer than this is treated as NORMAL.
    promote_after: float = 3600.0
    #: How long a cancelled or stopped attempt may go on to its next border before its process is killed.
    grace: float = 4.0
    #: Two passes of reconcile are at least so far apart.
    pace: float = 0.2
    #: A line is pinged this often, and is dead after so much silence.
    ping: float = 15.0
    line_silence: float = 40.0
    #: The first event of a line comes at once; later than this, something in between holds it back.
    line_hello: float = 10.0

    def scaled(self, factor: float) -> Timing:
        """Return a copy in which every time is multiplied by ``factor``."""
        return Timing(**{field.name: getattr(self, field.name) * factor for field in fields(self)})


def elapsed() -> float:
    """Return seconds that pass also while the machine is suspended, unlike ``time.monotonic`` on Linux."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
