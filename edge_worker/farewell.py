"""The one heartbeat of a worker that may not begin: it is shown with what to run, instead of being missed."""

from __future__ import annotations

import httpx2
from pydantic import SecretStr, TypeAdapter

from shared.logs import get_logger
from shared.nodes.heartbeat import HEARTBEAT_PATH, Heartbeat, Orders

log = get_logger(__name__)

#: A control plane on a free host may need a minute to wake up.
_PATIENCE = httpx2.Timeout(75.0, connect=10.0)
_ORDERS: TypeAdapter[Orders] = TypeAdapter(Orders)


def say_too_old(*, control_url: str, token: SecretStr, heartbeat: Heartbeat) -> str | None:
    """Send it, once; return what the control plane says is to be done, where it answers."""
    try:
        answer = httpx2.post(
            f"{control_url.rstrip('/')}{HEARTBEAT_PATH}",
            json=heartbeat.model_dump(mode="json"),
            headers={"Authorization": f"Bearer {token.get_secret_value()}"},
            timeout=_PATIENCE,
            follow_redirects=False,
        )
        answer.raise_for_status()
        return _ORDERS.validate_python(answer.json()["data"]).refused
    except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
        log.warning("control_plane_lost", cause=f"{type(error).__name__}: {error}"[:200])
        return None
