"""How long the last load of a model took, kept in a small file: by that the next one is announced."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.logs import get_logger

log = get_logger(__name__)

#: Seconds that a load is taken for before there was one.
FIRST = 10.0


class _Load(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    collection: str
    seconds: float = Field(ge=0, le=86_400)


@dataclass(frozen=True, kw_only=True)
class Loads:
    """Remembers one load, that of the model that was loaded last. The file may be lost at any time."""

    path: Path

    def expected(self, collection: str | None) -> float:
        """Return the seconds that loading the model of this collection should take."""
        try:
            last = _Load.model_validate_json(self.path.read_bytes())
        except (OSError, ValidationError):
            return FIRST
        return last.seconds if collection in {None, last.collection} else FIRST

    def note(self, collection: str, seconds: float) -> None:
        """Remember a load."""
        written = self.path.with_suffix(".new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            written.write_text(_Load(collection=collection, seconds=seconds).model_dump_json(), encoding="utf-8")
            written.replace(self.path)
        except OSError as error:
            log.warning("load_not_noted", error=type(error).__name__, path=str(self.path))
