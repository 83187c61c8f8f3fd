"""The page's session: a signed cookie that says until when it holds, and nothing else."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable

from itsdangerous import BadSignature, URLSafeSerializer
from starlette.responses import Response

#: 30 days, in seconds.
LIFETIME = 30 * 24 * 3600


class Sessions:
    """Issues and checks session cookies. Another admin token makes all of them void."""

    def __init__(self, *, admin_token: str, clock: Callable[[], float] = time.time) -> None:
        # Derived: who learns the signing key has not learnt the token.
        key = hmac.digest(admin_token.encode(), b"pharos session cookie, version 1", "sha256")
        self._signer = URLSafeSerializer(key, salt="session", signer_kwargs={"digest_method": hashlib.sha256})
        self._clock = clock
        # Browsers keep cookies by host, not by port: two planes on one machine must not sign each other out.
        self.cookie = f"pharos_session_{hashlib.sha256(key).hexdigest()[:8]}"

    def valid(self, cookie: str) -> bool:
        """Return whether a cookie was issued here and still holds."""
        try:
            until = self._signer.loads(cookie)
        except BadSignature:
            return False
        return isinstance(until, int) and until > self._clock()

    def start(self, response: Response, *, secure: bool) -> None:
        """Make ``response`` begin a session; ``secure`` keeps the cookie off plain HTTP."""
        value = self._signer.dumps(int(self._clock()) + LIFETIME)
        response.set_cookie(
            self.cookie, str(value), max_age=LIFETIME, path="/", secure=secure, httponly=True, samesite="lax"
        )

    def end(self, response: Response, *, secure: bool) -> None:
        """Make ``response`` take the session's cookie away."""
        response.delete_cookie(self.cookie, path="/", secure=secure, httponly=True, samesite="lax")
