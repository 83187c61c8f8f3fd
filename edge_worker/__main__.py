"""``python -m edge_worker``: run a worker until it is asked to stop."""

from __future__ import annotations

import os
import signal
import sys
import threading

from edge_worker.wiring import build_worker
from edge_worker.worker import Worker
from shared.errors import ConfigurationError, LedgerUnavailable, PharosError
from shared.logs import configure_logs, get_logger
from shared.settings import EXIT_CONFIG, EdgeSettings, load


def main() -> int:
    """Return the exit code: 0 stopped on request, 1 something broke and a restart may help, 78 a setting is wrong."""
    stopped = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: stopped.set())
    try:
        settings = load(EdgeSettings)
        configure_logs(settings.log_level, settings.secrets())
        worker = _build(settings, stopped)
    except ConfigurationError as error:
        sys.stderr.write(f"{error.message}\n")
        return EXIT_CONFIG
    except PharosError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    if worker is None:
        return 0
    return 0 if worker.run() else 1


def _build(settings: EdgeSettings, stopped: threading.Event) -> Worker | None:
    """Return the worker; while the ledger does not answer, try again, since a machine may start before its network."""
    log = get_logger(__name__)
    while not stopped.is_set():
        try:
            return build_worker(settings, os.environ, stopped)
        except LedgerUnavailable as error:
            log.warning("ledger_lost", cause=error.details.get("cause"))
            stopped.wait(settings.timing.reconnect)
    return None


if __name__ == "__main__":
    sys.exit(main())
