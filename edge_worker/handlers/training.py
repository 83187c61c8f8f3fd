"""Training: what a fit or an update left behind, kept on this worker's disk for the next push.

One file a generation, tagged with all that it belongs to. It is of use while that very generation is published; what is
missing, foreign or damaged is as good as nothing: the next ingest fits anew. A repository that goes on, or is removed,
on another machine leaves its state behind here: what nobody used for long goes.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from shared.logs import get_logger

log = get_logger(__name__)

#: Raised whenever the file changes its shape; what is inside the state has a version of its own.
_FORMAT = 1
_MOST_HEAD = 1 << 16
#: A million files; what is larger is not ours.
_MOST_BYTES = 2 << 30
#: What was neither written nor read for so long, 30 days, goes when the next state is kept.
_UNUSED_SECONDS = 30 * 24 * 3600
#: Files that are looked at each time: some tenths of a second.
_MOST_LOOKED_AT = 10_000


@dataclass(frozen=True, kw_only=True)
class Tag:
    """Which vectors a state goes with."""

    tenant_id: str
    repository_id: str
    collection: str
    generation: int


@dataclass(frozen=True, kw_only=True)
class TrainingStates:
    """The states of all repositories, below one folder."""

    folder: Path

    def load(self, tag: Tag) -> bytes | None:
        """Return what was kept for exactly these vectors, whole; None when there is nothing of the kind.

        Whether its bytes are still what they were is for the state itself to tell.
        """
        path = self._path(tag)
        try:
            with path.open("rb") as file:
                head = json.loads(file.readline(_MOST_HEAD))
                data = file.read(_MOST_BYTES)
        except FileNotFoundError:
            return None
        # A head that is nested without end is no state either.
        except (OSError, ValueError, RecursionError) as error:
            log.warning("training_state_unreadable", file=path.name, error=type(error).__name__)
            return None
        if head != _head(tag, data):
            log.warning("training_state_dropped", file=path.name)
            return None
        with suppress(OSError):
            os.utime(path)
        return data

    def keep(self, tag: Tag, data: bytes) -> None:
        """Keep a state, whole or not at all. A disk that does not take it costs the next push a fit, and no more."""
        self._drop_unused()
        path = self._path(tag)
        draft = path.with_suffix(f".{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with draft.open("wb") as file:
                file.write(json.dumps(_head(tag, data)).encode() + b"\n")
                file.write(data)
            draft.replace(path)
        except OSError as error:
            log.warning("training_state_not_kept", error=error.strerror)
            with suppress(OSError):
                draft.unlink(missing_ok=True)

    def discard_below(self, *, tenant_id: str, repository_id: str, generation: int, keep: int | None = None) -> None:
        """Delete the states of a repository of every generation before ``generation`` but ``keep``."""
        home = self._home(tenant_id, repository_id)
        with suppress(OSError):
            for path in list(home.iterdir()):
                number = path.name.partition(".")[0]
                if number.isdecimal() and int(number) < generation and int(number) != keep:
                    path.unlink(missing_ok=True)
            home.rmdir()

    def _drop_unused(self) -> None:
        since = time.time() - _UNUSED_SECONDS
        with suppress(OSError):
            # A list: what is deleted below must not move what is yet to be looked at.
            for path in list(islice(self.folder.glob("*/*"), _MOST_LOOKED_AT)):
                with suppress(OSError):
                    if path.lstat().st_mtime < since:
                        path.unlink()
                        log.info("training_state_unused", file=path.name)
                        # Fails, as it should, while the repository has another.
                        path.parent.rmdir()

    def _home(self, tenant_id: str, repository_id: str) -> Path:
        return self.folder / f"{quote(tenant_id, safe='')}@{quote(repository_id, safe='')}"

    def _path(self, tag: Tag) -> Path:
        home = self._home(tag.tenant_id, tag.repository_id)
        return home / f"{tag.generation}.{quote(tag.collection, safe='')}.state"


def _head(tag: Tag, data: bytes) -> dict[str, object]:
    return {"format": _FORMAT, **asdict(tag), "bytes": len(data)}
