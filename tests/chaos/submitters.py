"""People in a hurry: threads that submit over HTTP and ask again, under the same key, until they are answered."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Sequence

import httpx2

from tests.chaos.history import Ask
from tests.chaos.plan import Wish

#: Seconds that an answer may take, and that is waited before the next try.
_PATIENCE, _PAUSE = 5.0, 0.05
#: Answers after which one may ask again: full, and not available.
_AGAIN = {429, 503}


class Submitters:
    """Make every wish; ``asks`` holds each answer of 202."""

    def __init__(self, url: str, token: str, wishes: Sequence[Wish], *, threads: int = 4) -> None:
        self.asks: list[Ask] = []
        #: How often they were not answered, or refused for the moment.
        self.refused: Counter[str] = Counter()
        #: Answers that nobody should get.
        self.odd: list[str] = []
        self._url = url
        self._token = token
        self._wishes: queue.SimpleQueue[Wish] = queue.SimpleQueue()
        for wish in wishes:
            self._wishes.put(wish)
        self._over = threading.Event()
        self._count = threads
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    @property
    def busy(self) -> bool:
        """Whether somebody still has a wish."""
        return any(thread.is_alive() for thread in self._threads)

    def join(self, within: float) -> None:
        """Return when every wish was granted; give up after a while."""
        end = time.monotonic() + within
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        self._over.set()

    def _work(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        with httpx2.Client(base_url=self._url, headers=headers, timeout=_PATIENCE) as client:
            while not self._over.is_set():
                try:
                    wish = self._wishes.get_nowait()
                except queue.Empty:
                    return
                time.sleep(wish.pause * self._count)
                for _ in range(2 if wish.twice else 1):
                    self._ask(client, wish)

    def _ask(self, client: httpx2.Client, wish: Wish) -> None:
        while not self._over.is_set():
            try:
                answer = client.post("/api/v1/ingestion/ingest", json=wish.body, headers={"Idempotency-Key": wish.key})
            except httpx2.HTTPError as error:
                self.refused[type(error).__name__] += 1
            else:
                if answer.status_code == 202:
                    job = answer.json()["data"]["job_id"]
                    self.asks.append(Ask(key=wish.key, job_id=job, repository=wish.repository, fate=wish.fate))
                    return
                self.refused[str(answer.status_code)] += 1
                if answer.status_code not in _AGAIN:
                    self.odd.append(f"{wish.key} was answered {answer.status_code}: {answer.text[:300]}")
                    return
            time.sleep(_PAUSE)
