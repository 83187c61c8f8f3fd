"""Duty: whether this worker takes jobs, as its owner told it; kept here, so that a restart does not forget it."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.logs import get_logger
from shared.nodes.heartbeat import Duty, DutyOrder
from shared.timing import elapsed

log = get_logger(__name__)


class _Kept(BaseModel):
    """What stands in the file. ``until`` is on this machine's own wall clock, the one that goes on over a restart."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    order: DutyOrder
    until: float | None = Field(default=None, allow_inf_nan=False)


@dataclass(frozen=True, kw_only=True)
class _Followed:
    """An order and when it ends: by the wall clock, and by one that nobody can put back."""

    order: DutyOrder
    until: float | None
    at_most: float | None


class OwnDuty:
    """Follows the orders of the owner, and opens by itself when their time is over."""

    def __init__(
        self,
        path: Path,
        *,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = elapsed,
    ) -> None:
        self._path = path
        self._wall = wall
        self._clock = clock
        self._lock = threading.Lock()
        self._followed: _Followed | None = self._read()

    def follow(self, order: DutyOrder) -> bool:
        """Do as ordered from now on, also after a restart; ``False`` when this very order was followed already."""
        with self._lock:
            if self._followed is not None and self._followed.order.id == order.id:
                return False
            until = None if order.seconds is None else self._wall() + order.seconds
            self._followed = self._from(order, until)
            self._keep(_Kept(order=order, until=until))
        log.info("duty_changed", state=order.state, seconds=order.seconds)
        return True

    @property
    def now(self) -> Duty:
        """Whether this worker takes jobs at this moment, and which order made it so."""
        followed = self._followed
        if followed is None:
            return Duty()
        left = self._left(followed)
        if followed.order.state == "open" or left == 0:
            return Duty(order=followed.order.id)
        return Duty(state=followed.order.state, note=followed.order.note, seconds_left=left, order=followed.order.id)

    @property
    def open(self) -> bool:
        """Whether it takes jobs."""
        return self.now.state == "open"

    @property
    def paused(self) -> bool:
        """Whether it also gives back what runs."""
        return self.now.state == "paused"

    def _left(self, followed: _Followed) -> float | None:
        """Return the seconds left: a clock that was put back does not make them more than were ordered."""
        if followed.at_most is None:
            return None
        left = followed.at_most - self._clock()
        return max(0.0, left if followed.until is None else min(left, followed.until - self._wall()))

    def _from(self, order: DutyOrder, until: float | None) -> _Followed:
        return _Followed(
            order=order, until=until, at_most=None if order.seconds is None else self._clock() + order.seconds
        )

    def _read(self) -> _Followed | None:
        try:
            kept = _Kept.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            # Open is what nobody has to remember: a worker that stands still for no known reason helps nobody.
            log.warning("duty_unreadable", path=str(self._path), error=type(error).__name__, duty="open")
            return None
        return self._from(kept.order, kept.until)

    def _keep(self, kept: _Kept) -> None:
        """Write the file in one step, so that a power cut leaves the old one or the new one."""
        fresh = self._path.with_suffix(".new")
        try:
            fresh.unlink(missing_ok=True)
            file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "w", encoding="utf-8") as out:
                json.dump(kept.model_dump(mode="json"), out)
                out.flush()
                os.fsync(out.fileno())
            fresh.replace(self._path)
            _sync_folder(self._path.parent)
        except OSError as error:
            # It is followed all the same, until this process ends.
            log.error("duty_not_kept", path=str(self._path), error=error.strerror)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
