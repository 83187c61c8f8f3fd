"""How often and after what pause an attempt is made again."""

from __future__ import annotations

#: Attempts that may end in a transient error or a dead compute process.
MAX_FAILURES = 3
#: Attempts that may be lost with their worker; counted apart, since a machine that dies is not the job's fault.
MAX_RESCUES = 10


def backoff(failures: int, base: float, longest: float = 3600.0) -> float:
    """Return the seconds to wait after the n-th failure, 1-based: doubled from ``base`` up to ``longest``."""
    return float(min(base * 2 ** (failures - 1), longest))
