"""Heartbeats: one POST every 20 s, and at once when something starts or ends; the answer carries orders."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal

import httpx2
from pydantic import SecretStr, TypeAdapter

from edge_worker.hand import Hand
from shared.logs import get_logger
from shared.nodes.heartbeat import Heartbeat, Orders
from shared.timing import Timing

log = get_logger(__name__)

_PATH = "/api/v1/workers/heartbeat"
#: A control plane on a free host may need a minute to wake up.
_PATIENCE = httpx2.Timeout(75.0, connect=10.0)
#: Seconds that a goodbye waits for the heartbeat before it.
_LAST_WORD = 2.0

Goodbye = Literal["stopping", "sleeping"]


class Heartbeats:
    """Tells the control plane what this worker has in its hand, for as long as ``run`` is not stopped."""

    def __init__(
        self,
        *,
        control_url: str,
        token: SecretStr,
        compose: Callable[[Goodbye | None], Heartbeat],
        hand: Hand,
        obey: Callable[[Orders], None],
        soon: threading.Event,
        timing: Timing,
    ) -> None:
        self._client = httpx2.Client(
            base_url=control_url.rstrip("/"),
            headers={"Authorization": f"Bearer {token.get_secret_value()}"},
            timeout=_PATIENCE,
            follow_redirects=False,
        )
        self._compose = compose
        self._hand = hand
        self._obey = obey
        self._timing = timing
        # Set by whoever wants a heartbeat now.
        self._soon = soon
        self._over = threading.Event()
        self._turn = threading.Lock()
        self._epoch = 0
        self._answers: bool | None = None

    def run(self) -> None:
        """Beat until ``stop``."""
        while True:
            self._soon.clear()
            with self._turn:
                if self._over.is_set():
                    return
                self._beat(None)
            self._soon.wait(self._timing.heartbeat)

    def stop(self, goodbye: Goodbye) -> None:
        """Say goodbye, once, and beat no more."""
        self._over.set()
        self._soon.set()
        # A heartbeat that is still under way would arrive after the goodbye and take it back.
        turn = self._turn.acquire(timeout=_LAST_WORD)
        try:
            self._beat(goodbye, timeout=5.0)
            self._client.close()
        finally:
            if turn:
                self._turn.release()

    def _beat(self, goodbye: Goodbye | None, timeout: float | None = None) -> None:
        try:
            heartbeat = self._compose(goodbye)
            answer = self._client.post(
                _PATH, json=heartbeat.model_dump(mode="json"), timeout=_PATIENCE if timeout is None else timeout
            )
            answer.raise_for_status()
            orders = _ORDERS.validate_python(answer.json()["data"])
        except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
            self._note(False, error)
            return
        except Exception:  # the next heartbeat is worth a try whatever broke: nobody else tells the plane
            log.exception("heartbeat_broke")
            return
        self._note(True, None)
        self._hand.heard(heartbeat.ended)
        if goodbye is None and orders.epoch >= self._epoch:
            self._epoch = orders.epoch
            self._obey(orders)

    def _note(self, answers: bool, error: Exception | None) -> None:
        if answers is self._answers:
            return
        self._answers = answers
        if answers:
            log.info("control_plane_found")
        elif isinstance(error, httpx2.HTTPStatusError) and error.response.status_code in {401, 403}:
            log.error("worker_token_refused", fix="set PHAROS_WORKER_TOKEN to the control plane's")
        else:
            # Work goes on without the plane: the mailbox and the ledger do not need it.
            log.warning("control_plane_lost", cause=f"{type(error).__name__}: {error}"[:200])


_ORDERS = TypeAdapter(Orders)
