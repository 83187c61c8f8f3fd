"""The bell: ends a wait on lanes from another thread."""

from __future__ import annotations

import time
from collections.abc import Callable

from shared.errors import MailboxUnavailable
from shared.mailbox.lanes import Mailbox

#: Seconds that a worker is given to notice a wake before its connection is broken.
_NOTICE = 2.0


def ring(bell: Mailbox, mailbox: Mailbox, worker: str, waits: Callable[[], bool]) -> None:
    """End a worker's wait: by a word on its own lane, or, where that does not arrive, by breaking ``mailbox``'s links.

    Returns once ``waits`` says that it is over.
    """
    try:
        bell.wake(worker)
    except MailboxUnavailable:
        mailbox.hang_up()
        return
    end = time.monotonic() + _NOTICE
    while time.monotonic() < end:
        if not waits():
            return
        time.sleep(_NOTICE / 10)
    mailbox.hang_up()
