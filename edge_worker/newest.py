"""Which plane is obeyed: while one takes over from another, both may give orders for a moment."""

from __future__ import annotations

import threading
from collections.abc import Callable

from shared.nodes.heartbeat import Orders


class Newest:
    """Passes on the orders of the plane that started last, one after the other, whichever way they came."""

    def __init__(self, obey: Callable[[Orders], None]) -> None:
        self._obey = obey
        self._lock = threading.Lock()
        self._epoch = 0

    def __call__(self, orders: Orders) -> None:
        """Have them obeyed, unless a plane that started later has spoken."""
        with self._lock:
            if orders.epoch < self._epoch:
                return
            self._epoch = orders.epoch
            self._obey(orders)
