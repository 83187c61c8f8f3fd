"""Heartbeats: one POST every 20 s, and at once when something starts or ends; the answer carries orders."""

from __future__ import annotations

import threading
from collections.abc import Callable

import httpx2
from pydantic import SecretStr, TypeAdapter

from edge_worker.absence import Absence
from edge_worker.hand import Hand
from shared.logs import get_logger
from shared.nodes.heartbeat import HEARTBEAT_PATH, Goodbye, Heartbeat, Orders
from shared.timing import Timing, elapsed

log = get_logger(__name__)

#: A control plane on a free host may need a minute to wake up.
_PATIENCE = httpx2.Timeout(75.0, connect=10.0)
#: Seconds that a goodbye waits for the heartbeat before it.
_LAST_WORD = 2.0


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
        clock: Callable[[], float] = elapsed,
    ) -> None:
        """``obey`` decides which plane is followed; ``clock`` goes on while the machine sleeps."""
        self._url = control_url.rstrip("/")
        self._token = token
        self._compose = compose
        self._hand = hand
        self._obey = obey
        self._timing = timing
        # Set by whoever wants a heartbeat now.
        self._soon = soon
        self._clock = clock
        self._over = threading.Event()
        self._turn = threading.Lock()
        self._not_before = 0.0
        self._client = self._connect()
        self._answers: bool | None = None
        #: Why this worker is given nothing and what to run on its machine, as the plane said last.
        self.refused: str | None = None

    def run(self) -> None:
        """Beat until ``stop``."""
        while True:
            self._pause()
            with self._turn:
                if self._over.is_set():
                    return
                if self._not_before > self._clock():
                    # A goodbye was said while this waited for its turn: to beat now would take it back.
                    continue
                self._soon.clear()
                # A hand that changes hundreds of times a second is told ten times.
                self._not_before = self._clock() + self._timing.pace / 2
                self._beat(None)
            self._rest()

    def stop(self, goodbye: Goodbye) -> None:
        """Say goodbye, once, and beat no more."""
        self._over.set()
        self._soon.set()
        self.say_goodbye(goodbye)
        self._client.close()

    def say_goodbye(self, goodbye: Goodbye) -> None:
        """Say goodbye; the next heartbeat takes it back, 20 s later or soon after the machine woke."""
        # A heartbeat that is still under way would arrive after the goodbye and take it back.
        turn = self._turn.acquire(timeout=_LAST_WORD)
        try:
            self._not_before = self._clock() + self._timing.heartbeat
            self._beat(goodbye, timeout=5.0)
        finally:
            if turn:
                self._turn.release()

    def _pause(self) -> None:
        while not self._over.is_set() and (left := self._not_before - self._clock()) > 0:
            self._over.wait(min(left, self._timing.heartbeat / 4))

    def _rest(self) -> None:
        """Wait for the next turn, or for a word. A machine that slept through its turn beats soon after it wakes."""
        end = self._clock() + self._timing.heartbeat
        absence = Absence(least=self._timing.lost_after / 2, clock=self._clock)
        while (left := end - self._clock()) > 0:
            # Waiting takes its time from a clock that may stand still while the machine sleeps.
            if self._soon.wait(min(left, self._timing.heartbeat / 4)):
                break
        if absence.over():
            self._come_back()

    def _come_back(self) -> None:
        log.info("absence_ended")
        with self._turn:
            if not self._over.is_set():
                # What was connected is dead, which takes a minute to be noticed otherwise.
                self._client.close()
                self._client = self._connect()

    def _connect(self) -> httpx2.Client:
        return httpx2.Client(
            base_url=self._url,
            headers={"Authorization": f"Bearer {self._token.get_secret_value()}"},
            timeout=_PATIENCE,
            follow_redirects=False,
        )

    def _beat(self, goodbye: Goodbye | None, timeout: float | None = None) -> None:
        try:
            heartbeat = self._compose(goodbye)
            answer = self._client.post(
                HEARTBEAT_PATH,
                json=heartbeat.model_dump(mode="json"),
                timeout=_PATIENCE if timeout is None else timeout,
                # A connection that is kept over a sleep is dead, and takes a minute to be found so.
                headers={"Connection": "close"} if goodbye is not None else {},
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
        if goodbye is None:
            self._heed(orders)

    def _heed(self, orders: Orders) -> None:
        if orders.refused is not None and orders.refused != self.refused:
            log.error("worker_refused", reason=orders.refused)
        elif orders.refused is None and self.refused is not None:
            log.info("worker_accepted")
        self.refused = orders.refused
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
