"""The real worker over a compute process that does nothing."""

from __future__ import annotations

import sys

from edge_worker.__main__ import main

if __name__ == "__main__":
    sys.exit(main(entry="benchmarks.noop_child"))
