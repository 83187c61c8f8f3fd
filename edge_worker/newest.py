"""Which plane is obeyed: while one takes over from another, both may give orders for a moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from shared.logs import get_logger
from shared.nodes.heartbeat import Orders

log = get_logger(__name__)


class Newest:
    """Passes on the orders of the plane that started last, one after the other, whichever way they came."""

    def __init__(
        self, obey: Callable[[Orders], None], *, forget_after: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """After ``forget_after`` seconds in which only an older plane has spoken, it is the one there is.

        A ledger that was restored or made anew numbers its planes from there.
        """
        self._obey = obey
        self._forget_after = forget_after
        self._clock = clock
        self._lock = threading.Lock()
        self._epoch = 0
        self._heard_at = clock()

    def __call__(self, orders: Orders) -> None:
        """Have them obeyed, unless a plane that started later has spoken."""
        with self._lock:
            if orders.epoch < self._epoch:
                if self._clock() - self._heard_at <= self._forget_after:
                    return
                log.warning("older_plane_followed", epoch=orders.epoch, before=self._epoch)
            self._epoch, self._heard_at = orders.epoch, self._clock()
            self._obey(orders)
