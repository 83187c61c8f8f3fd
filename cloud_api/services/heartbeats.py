"""Hearing workers and answering with their orders: memory only, whatever they say."""

from __future__ import annotations

from collections.abc import Callable

from cloud_api.dispatch import Dispatch
from cloud_api.presence import Presence
from cloud_api.reconcile.loop import Reconciler
from cloud_api.usage import Usage
from shared.nodes.heartbeat import Heartbeat, Orders


class Heartbeats:
    """The plane's end of the conversation with every worker."""

    def __init__(
        self,
        *,
        presence: Presence,
        dispatch: Dispatch,
        usage: Usage,
        reconciler: Reconciler,
        ended: Callable[[], None],
    ) -> None:
        """``ended`` is called when a worker says that a job of its has ended, and may have published something."""
        self._presence = presence
        self._dispatch = dispatch
        self._usage = usage
        self._reconciler = reconciler
        self._ended = ended

    async def hear(self, heartbeat: Heartbeat) -> Orders:
        """Take in a heartbeat; return the worker's lanes and what it should do."""
        self._usage.hear(heartbeat)
        if heartbeat.ended:
            self._ended()
        if self._presence.hear(heartbeat):
            self._reconciler.poke()
        return self._dispatch.orders(heartbeat.worker)
