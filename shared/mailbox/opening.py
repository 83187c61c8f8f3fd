"""Opens the mailbox that the settings name, for both houses alike."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from pydantic import SecretStr

from shared.mailbox.addresses import Addresses, find_addresses
from shared.mailbox.connection import connect_address
from shared.mailbox.lanes import Mailbox
from shared.mailbox.link import Meter, as_ours
from shared.mailbox.ways import Ways
from shared.settings import SharedSettings

#: Seconds that a socket has to connect and answer before REST takes over.
_TRY = 5.0


def open_mailbox(settings: SharedSettings, *, wait: float, patience: float = 15.0) -> Mailbox | None:
    """Return the mailbox, or ``None`` when the settings name no Redis. Nothing is sent yet.

    A take over a socket waits ``wait`` seconds at most; any answer may take ``patience`` seconds.

    Raises:
        ConfigurationError: the settings do not fit together.
    """
    found = find_addresses(settings.redis_url, settings.redis_rest_url, settings.redis_token)
    return Mailbox(find_ways(found, wait=wait, patience=patience)) if found is not None else None


def find_ways(found: Addresses, *, wait: float, patience: float) -> Ways:
    """Return the ways to those addresses, which count their commands together."""
    meter = Meter()
    if found.rest is None or found.socket is None:
        where = found.socket or found.rest
        assert where is not None
        return Ways(connect_address(where, wait=wait, patience=patience, meter=meter))
    return Ways(
        connect_address(found.socket, wait=wait, patience=patience, meter=meter),
        connect_address(found.rest, wait=0.0, patience=patience, meter=meter),
        knock=_knocker(found.socket, patience=min(_TRY, patience), meter=meter),
    )


def _knocker(where: SecretStr, *, patience: float, meter: Meter) -> Callable[[], None]:
    def knock() -> None:
        # A client of its own: the one that waits on lanes would give a port that swallows everything five minutes.
        with as_ours(), closing(connect_address(where, wait=0.0, patience=patience, meter=meter)) as link:
            link.ping()

    return knock
