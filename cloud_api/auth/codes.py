"""Sign-in codes: a link that signs a browser in, once, within 15 minutes."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable

#: Seconds for which a code holds.
LIFETIME = 900
_MOST = 100


class SignInCodes:
    """Codes of 256 random bits, kept as digests in this process's memory."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[bytes, float] = {}
        self._lock = threading.Lock()

    def issue(self) -> str:
        """Return a fresh code; the oldest one goes when a hundred are open."""
        code = secrets.token_urlsafe(32)
        with self._lock:
            if len(self._until) >= _MOST:
                del self._until[next(iter(self._until))]
            self._until[_digest(code)] = self._clock() + LIFETIME
        return code

    def redeem(self, code: str) -> bool:
        """Return whether the code was open; it is not any more."""
        with self._lock:
            until = self._until.pop(_digest(code), None)
        return until is not None and until > self._clock()


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "surrogateescape")).digest()
