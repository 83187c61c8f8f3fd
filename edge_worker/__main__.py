"""``python -m edge_worker``: run a worker until it is asked to stop."""

from __future__ import annotations

import os
import signal
import sys
import threading
from queue import SimpleQueue

from edge_worker.attempt.process import ENTRY
from edge_worker.handful import SOON
from edge_worker.wiring import build_worker, farewell
from edge_worker.worker import Worker
from shared.errors import ConfigurationError, LedgerUnavailable, PharosError, SchemaMismatch
from shared.faults import arm
from shared.logs import configure_logs, get_logger
from shared.settings import EXIT_CONFIG, EdgeSettings, load

#: SIGUSR1 says that the machine goes to sleep; the others ask for the end.
_STOP, _SLEEP = ("SIGINT", "SIGTERM", "SIGBREAK"), "SIGUSR1"


def main(*, entry: str = ENTRY, short: float = SOON) -> int:
    """Return the exit code: 0 stopped on request, 1 something broke and a restart may help, 78 a setting is wrong.

    ``entry`` is the module that the compute processes run; a job of ``short`` seconds
    may be in hand beside others.
    """
    stopped, sleeping = threading.Event(), threading.Event()
    _listen({**dict.fromkeys(_STOP, stopped), _SLEEP: sleeping})
    try:
        settings = load(EdgeSettings)
        configure_logs(settings.log_level, settings.secrets())
        arm(settings.fault_at)
        worker = _build(settings, stopped, sleeping, entry=entry, short=short)
    except ConfigurationError as error:
        sys.stderr.write(f"{error.message}\n")
        return EXIT_CONFIG
    except PharosError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    if worker is None:
        return 0
    return 0 if worker.run() else 1


def _listen(wanted: dict[str, threading.Event]) -> None:
    """Have signals set events, where the system has them."""
    # A handler runs in the middle of whatever the main thread does: it may wait for no lock, and this queue has none.
    heard: SimpleQueue[threading.Event] = SimpleQueue()

    def pass_on() -> None:
        while True:
            heard.get().set()

    threading.Thread(target=pass_on, name="signals", daemon=True).start()
    for name, event in wanted.items():
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_, event=event: heard.put(event))


def _build(
    settings: EdgeSettings, stopped: threading.Event, sleeping: threading.Event, *, entry: str, short: float
) -> Worker | None:
    """Return the worker; while the ledger does not answer, try again, since a machine may start before its network."""
    log = get_logger(__name__)
    while not stopped.is_set():
        try:
            return build_worker(settings, os.environ, stopped, sleeping=sleeping, entry=entry, short=short)
        except LedgerUnavailable as error:
            log.warning("ledger_lost", cause=error.details.get("cause"))
            stopped.wait(settings.timing.reconnect)
        except SchemaMismatch:
            said = farewell(settings)
            if said is not None:
                sys.stderr.write(f"{said}\n")
            raise
    return None


if __name__ == "__main__":
    sys.exit(main())
